#!/usr/bin/env bash
# Generates Swift from protos made to break a generator and type-checks it against the built runtime.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
modules=${RAGDZ_MODULES:-.build/debug/Modules}
tools=$(scripts/generate.sh tools)
includes=${PROTOC_INCLUDE:-/usr/include}
common=$(echo "${RAGDZ_TEST_VENV:-.venv-tests}"/lib/python3*/site-packages)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for visibility in public internal; do
    mkdir -p "$scratch/$visibility"
    protoc --plugin=protoc-gen-ragdz="$tools/protoc-gen-ragdz" --ragdz_out="Visibility=$visibility:$scratch/$visibility" \
        -I codegen/Tests/nasty -I "$common" -I "$includes" codegen/Tests/nasty/*.proto google/rpc/status.proto \
        google/protobuf/type.proto google/protobuf/api.proto google/protobuf/source_context.proto \
        google/protobuf/descriptor.proto
    swiftc -typecheck -swift-version 6 -warnings-as-errors -module-name Nasty -I "$modules" \
        -enable-upcoming-feature ExistentialAny -enable-upcoming-feature InternalImportsByDefault \
        -enable-upcoming-feature MemberImportVisibility "$scratch/$visibility"/*.swift
    echo "nasty protos, $visibility: type-check"
done

node --test codegen/Tests/javascript/client.test.mjs >"$scratch/node.log" 2>&1 || { cat "$scratch/node.log"; exit 1; }
echo "JavaScript client: $(grep -c "^ok" "$scratch/node.log") tests passed"
