#!/usr/bin/env bash
# The official Protocol Buffers conformance suite against our generator and codecs, and the counts asserted: the runner is
# content when everything is skipped. Usage: scripts/conformance-protobuf.sh
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

top=$PWD
cache=${RAGDZ_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ragdz}/conformance-protobuf
source=$(scripts/debian-source.sh protobuf)
mkdir -p "$cache"

# The runner: nine files of C++ over Debian's libprotobuf.
build_runner() {
    local objects=() file object jobs=()
    mkdir -p "$cache/runner"
    (cd "$source/conformance" && protoc -I . -I "$source/src" --cpp_out="$cache/runner" conformance.proto \
        google/protobuf/test_messages_proto2.proto google/protobuf/test_messages_proto3.proto)
    for file in "$source"/conformance/{conformance_test,conformance_test_main,conformance_test_runner}.cc \
        "$source"/conformance/{binary_json,text_format}_conformance_suite.cc \
        "$source/conformance/third_party/jsoncpp/jsoncpp.cpp" "$cache/runner/conformance.pb.cc" \
        "$cache"/runner/google/protobuf/test_messages_proto{2,3}.pb.cc; do
        object="$cache/runner/$(basename "$file").o"
        objects+=("$object")
        echo "$object $file"
    done | xargs -P "$(nproc)" -L 1 sh -c '${CXX:-clang++} -std=c++17 -O0 -w -I "$0/conformance" -I "$1/runner" -idirafter "$0/src" -c -o "$2" "$3"' \
        "$source" "$cache"
    "${CXX:-clang++}" -o "$cache/conformance-test-runner" "$cache"/runner/*.o -lprotobuf -lpthread
}
if [ ! -x "$cache/conformance-test-runner" ]; then
    echo "building the conformance runner (once, about a minute of CPU)"
    build_runner
fi

# The testee: our plugin's output for the suite's own messages, over our runtime.
tools=$(scripts/generate.sh tools | tail -1)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
protoc --plugin=protoc-gen-ragdz="$tools/protoc-gen-ragdz" --ragdz_out="Visibility=internal:$out" \
    -I "$source/conformance" -I "$source/src" conformance.proto google/protobuf/test_messages_proto2.proto \
    google/protobuf/test_messages_proto3.proto
flags=(-swift-version 6 -enable-upcoming-feature InternalImportsByDefault -enable-upcoming-feature ExistentialAny
    -enable-upcoming-feature MemberImportVisibility -I "$out")
for room in Bytes ProtoRuntime; do
    # shellcheck disable=SC2046
    swiftc "${flags[@]}" -O -wmo -parse-as-library -module-name "$room" -emit-module \
        -emit-module-path "$out/$room.swiftmodule" -c -o "$out/$room.o" $(find "Sources/$room" -name '*.swift')
done
swiftc "${flags[@]}" -Onone -module-name Testee -o "$out/testee" Examples/ragdz-conformance/main.swift "$out"/*.pb.swift \
    "$out"/*.o

# The one case that is known to fail: extensions are unknown fields to us, so JSON cannot name them.
echo Recommended.Proto2.JsonInput.FieldNameExtension.Validator >"$out/failures"
status=0
# The runner leaves a list of failures in the folder where it stands.
cd "$out"
"$cache/conformance-test-runner" --enforce_recommended --verbose --failure_list "$out/failures" \
    "$out/testee" >"$out/log" 2>&1 || status=$?
python3 "$top/scripts/conformance_protobuf_counts.py" "$out/log" "$status" "$out/failures"
