#!/usr/bin/env bash
# CPU time of our codecs beside C++ protobuf's, in one run. Usage: scripts/bench-codec.sh [RUNS]
# `bench-codec.sh build FOLDER` only builds codec-bench and codec-peer there, for callgrind.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
if [ "${1:-}" = build ]; then
    out=$2
    mkdir -p "$out"
else
    out=$(mktemp -d)
    trap 'rm -rf "$out"' EXIT
fi
tools=$(scripts/generate.sh tools | tail -1)
protoc --plugin=protoc-gen-ragdz="$tools/protoc-gen-ragdz" --ragdz_out="Visibility=internal:$out" --cpp_out="$out" \
    -I Examples/codec-bench bench.proto
# As SwiftPM builds for release: optimised by module, inlinable code across modules.
flags=(-O -wmo -swift-version 6 -enable-upcoming-feature InternalImportsByDefault -enable-upcoming-feature ExistentialAny
    -enable-upcoming-feature MemberImportVisibility -enable-default-cmo -I "$out" ${SWIFT_FLAGS:-})
for room in Bytes ProtoRuntime; do
    # shellcheck disable=SC2046
    swiftc "${flags[@]}" -parse-as-library -module-name "$room" -emit-module -emit-module-path "$out/$room.swiftmodule" \
        -c -o "$out/$room.o" $(find "Sources/$room" -name '*.swift')
done
swiftc "${flags[@]}" -module-name Bench -o "$out/codec-bench" Examples/codec-bench/main.swift "$out/bench.pb.swift" \
    "$out/Bytes.o" "$out/ProtoRuntime.o"
if [ ! -x "$out/codec-peer" ]; then
    "${CXX:-clang++}" -O2 -std=c++17 -DNDEBUG -I "$out" -o "$out/codec-peer" Examples/codec-bench/peer.cc "$out/bench.pb.cc" \
        -lprotobuf -lpthread
fi
[ "${1:-}" = build ] && exit 0

for _ in $(seq "${1:-3}"); do
    "$out/codec-peer"
    "$out/codec-bench"
done | awk '
    { key = $1 " " $2; if (!(key in best) || $3 < best[key]) best[key] = $3; if (!seen[$2]++) order[++count] = $2 }
    END {
        printf "%-18s %10s %10s %7s\n", "CPU ns", "ours", "C++ fresh", "ratio"
        for (i = 1; i <= count; i++) {
            name = order[i]; ours = best["swift " name]; peer = best["c++ " name]
            printf "%-18s %10d %10d %7.2f\n", name, ours, peer, ours / peer
        }
    }'
