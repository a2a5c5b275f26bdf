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

# check NAME VISIBILITY INCLUDE FILE...: generates one module of these files and type-checks it.
check() {
    local name=$1 visibility=$2 include=$3 out=$scratch/$1-$2
    shift 3
    mkdir -p "$out"
    protoc --plugin=protoc-gen-ragdz="$tools/protoc-gen-ragdz" --ragdz_out="Visibility=$visibility:$out" \
        -I "$include" -I "$common" -I "$includes" "$@" 2>"$scratch/protoc.log" || { cat "$scratch/protoc.log"; exit 1; }
    swiftc -typecheck -swift-version 6 -warnings-as-errors -module-name Nasty -I "$modules" \
        -enable-upcoming-feature ExistentialAny -enable-upcoming-feature InternalImportsByDefault \
        -enable-upcoming-feature MemberImportVisibility "$out"/*.swift
    echo "$name, $visibility: $# files, their Swift type-checks"
}

nasty=codegen/Tests/nasty
for visibility in public internal; do
    # shellcheck disable=SC2046
    check nasty "$visibility" "$nasty" $(cd "$nasty" && find . -name '*.proto' -not -path './alone/*' | sed 's|^\./||') \
        google/rpc/status.proto
    for file in "$nasty"/alone/*.proto; do
        check "alone-$(basename "$file" .proto)" "$visibility" "$nasty/alone" "$(basename "$file")"
    done
done
# Every file of Google's common protos, as one module; and what ours provide is not generated again.
# shellcheck disable=SC2046
check googleapis public "$common" $(cd "$common" && find google -name '*.proto')
check provided public "$nasty" user.proto pubimp.proto deep.proto

# Every other output for the same files.
mkdir "$scratch/others"
# shellcheck disable=SC2046
protoc --plugin=protoc-gen-ragdz="$tools/protoc-gen-ragdz" \
    --ragdz_out="Emit=javascript,Emit=openapi,Emit=descriptors:$scratch/others" -I "$common" -I "$includes" \
    $(cd "$common" && find google -name '*.proto') 2>"$scratch/protoc.log" || { cat "$scratch/protoc.log"; exit 1; }
cp "$scratch/others/ragdz.js" "$scratch/others/client.mjs"
node --check "$scratch/others/client.mjs"

python=${RAGDZ_TEST_VENV:-.venv-tests}/bin/python
"$python" codegen/Tests/openapi_check.py Sources/Bridge/Generated/OpenAPI.pb.swift "$scratch/others/OpenAPI.pb.swift"

node --test codegen/Tests/javascript/client.test.mjs >"$scratch/node.log" 2>&1 || { cat "$scratch/node.log"; exit 1; }
echo "JavaScript client: $(grep -c "^ok" "$scratch/node.log") tests passed"
