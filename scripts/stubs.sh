#!/usr/bin/env bash
# Prints Swift messages, clients and server protocols for .proto files of your own.
# Usage: scripts/stubs.sh FOLDER FILE.proto...      The stubs go into FOLDER, one .pb.swift for each file.
#        RAGDZ_STUBS=Visibility=public,…             other options of the generator (default: Visibility=internal)
# Imports are looked for beside the first file, in the current folder, in RAGDZ's Protos/ and in Debian's protobuf.
set -euo pipefail
if [ $# -lt 2 ]; then
    sed -n '2,5p' "$0" | sed 's/^# //'
    exit 2
fi
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
out=$1
shift
for file in "$@"; do
    [ -f "$file" ] || { echo "there is no file $file" >&2; exit 1; }
done
tools=$("$root/scripts/generate.sh" tools | tail -1)
mkdir -p "$out"
protoc --plugin=protoc-gen-ragdz="$tools/protoc-gen-ragdz" \
    --ragdz_out="${RAGDZ_STUBS:-Visibility=internal}:$out" \
    -I "$(dirname "$1")" -I . -I "$root/Protos" -I "${PROTOC_INCLUDE:-/usr/include}" "$@"
for file in "$@"; do echo "$file: stubs are in $out"; done
