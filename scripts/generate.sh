#!/usr/bin/env bash
# Makes every generated file again; a second run leaves no difference. `generate.sh tools` only builds the generators.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

missing=""
for tool in protoc protoc-c swift; do command -v "$tool" >/dev/null || missing="$missing $tool"; done
if [ -n "$missing" ]; then
    echo "missing:$missing. On Debian: apt-get install protobuf-compiler protobuf-c-compiler libprotobuf-c-dev" >&2
    exit 1
fi
if ! pkg-config --exists libprotobuf-c 2>/dev/null && [ ! -f /usr/include/protobuf-c/protobuf-c.h ]; then
    echo "missing: libprotobuf-c. On Debian: apt-get install libprotobuf-c-dev" >&2
    exit 1
fi
if ! pkg-config --exists libpq 2>/dev/null; then
    echo "missing: libpq. On Debian: apt-get install libpq-dev pkg-config" >&2
    exit 1
fi
includes=${PROTOC_INCLUDE:-/usr/include}
if [ ! -f "$includes/google/protobuf/descriptor.proto" ]; then
    echo "missing: $includes/google/protobuf/descriptor.proto (apt-get install libprotobuf-dev, or set PROTOC_INCLUDE)" >&2
    exit 1
fi

# The C structs that the plugin reads descriptors with.
descriptors=codegen/Sources/CDescriptor/generated
if [ ! -f "$descriptors/google/protobuf/compiler/plugin.pb-c.c" ]; then
    mkdir -p "$descriptors"
    protoc-c -I codegen/protos -I "$includes" --c_out="$descriptors" \
        google/protobuf/descriptor.proto google/protobuf/compiler/plugin.proto
fi
cmp -s codegen/Sources/CDescriptor/module.modulemap.in "$descriptors/module.modulemap" ||
    cp codegen/Sources/CDescriptor/module.modulemap.in "$descriptors/module.modulemap"

swift build --package-path codegen --quiet 2>&1 || swift build --package-path codegen
tools=$(swift build --package-path codegen --show-bin-path)
[ "${1:-}" = tools ] && { echo "$tools"; exit 0; }

# Google's own protos (HTTP rules, error details) come from the Python package.
scripts/test-venv.sh >/dev/null
common=$(echo "${RAGDZ_TEST_VENV:-.venv-tests}"/lib/python3*/site-packages)

scratch=$(mktemp -d)
. scripts/scratch-postgres.sh
trap 'rm -rf "$scratch"; scratch_stop' EXIT

# generate FOLDER PARAMETER ROOT FILE...: the folder afterwards holds exactly what was generated and what is not ours.
generate() {
    local folder=$1 parameter=$2 root=$3
    shift 3
    rm -rf "$scratch/out"
    mkdir -p "$scratch/out" "$folder"
    protoc --plugin=protoc-gen-ragdz="$tools/protoc-gen-ragdz" --ragdz_out="$parameter:$scratch/out" \
        -I "$root" -I codegen/protos -I Protos -I "$common" -I "$includes" "$@"
    find "$folder" -name '*.pb.swift' -delete
    for file in "$scratch/out"/*; do
        cmp -s "$file" "$folder/$(basename "$file")" || cp "$file" "$folder/"
    done
}

contract=$(cd Protos && find . -name '*.proto' | sed 's|^\./||' | LC_ALL=C sort)
# shellcheck disable=SC2086
generate Sources/Schema/Generated \
    Visibility=public,Emit=swift,Emit=descriptors,Descriptors=ContractDescriptors Protos $contract
# shellcheck disable=SC2086
generate Sources/Bridge/Generated Emit=openapi Protos $contract
# shellcheck disable=SC2086
generate clients/javascript Emit=javascript Protos $contract
generate Sources/ProtoRuntime/Generated Visibility=public,Module=ProtoRuntime "$includes" google/protobuf/api.proto \
    google/protobuf/descriptor.proto google/protobuf/source_context.proto google/protobuf/type.proto
generate Sources/RPC/Generated Visibility=public,Module=RPC "$common" google/rpc/status.proto google/rpc/error_details.proto
generate Sources/RPCTransport/Generated \
    Visibility=public,DefaultPolicy=open,Emit=swift,Emit=descriptors,Descriptors=TransportDescriptors codegen/protos \
    grpc/health/v1/health.proto grpc/reflection/v1/reflection.proto grpc/reflection/v1alpha/reflection.proto
generate Tests/ProtoRuntimeTests/Generated Visibility=internal codegen/Tests/protos all_features.proto

# SQL statements become typed Swift functions; a real server, with all migrations applied, says which types they have.
scratch_start fsync=off
"$tools/sqlgen" . "$scratch_connection"
scratch_stop

# The example server of the benchmarks.
generate Examples/ragdz-echo/Generated Visibility=internal,DefaultPolicy=open Examples/ragdz-echo echo.proto

# Word lists of the Language room become Swift constants.
scripts/generate-lexicon.sh
# grpc's interoperability tests, from the protos of its own source package.
generate Examples/ragdz-interop/Generated Visibility=internal,DefaultPolicy=open "$(scripts/debian-source.sh grpc)" \
    src/proto/grpc/testing/empty.proto src/proto/grpc/testing/messages.proto src/proto/grpc/testing/test.proto
