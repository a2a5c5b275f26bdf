#!/usr/bin/env bash
# Builds protobuf_c.c and what protoc-c prints for AllFeatures. Usage: protobuf_c.sh FOLDER
# protoc-c knows no `optional` of proto3: those fields are left out and so are unknown to libprotobuf-c, which keeps them.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
includes=${PROTOC_INCLUDE:-/usr/include}
mkdir -p "$1/c"
sed '/^  optional /d' "$here/../../../codegen/Tests/protos/all_features.proto" >"$1/c/all_features.proto"
protoc-c -I "$1/c" -I "$includes" --c_out="$1/c" all_features.proto \
    google/protobuf/{any,duration,empty,field_mask,struct,timestamp,wrappers}.proto
"${CC:-clang}" -O1 -w -I "$1/c" -o "$1/protobuf_c" "$here/protobuf_c.c" "$1/c/all_features.pb-c.c" \
    "$1"/c/google/protobuf/*.pb-c.c -lprotobuf-c
