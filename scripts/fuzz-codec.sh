#!/usr/bin/env bash
# Fuzzes the wire and JSON codecs with libFuzzer and the address sanitiser. Usage: scripts/fuzz-codec.sh [SECONDS]
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
flags="-O -wmo -swift-version 6 -sanitize=fuzzer,address -parse-as-library -enable-upcoming-feature InternalImportsByDefault -I $out"
# shellcheck disable=SC2086
{
    for module in Bytes ProtoRuntime; do
        swiftc $flags -module-name "$module" -emit-module -emit-module-path "$out/$module.swiftmodule" -c \
            -o "$out/$module.o" $(find "Sources/$module" -name '*.swift')
    done
    swiftc $flags -module-name Fuzz -o "$out/fuzz" codegen/Tests/fuzz/Fuzz.swift \
        Tests/ProtoRuntimeTests/Generated/*.swift "$out/Bytes.o" "$out/ProtoRuntime.o"
}
mkdir "$out/corpus"
"$out/fuzz" -max_total_time="${1:-60}" -max_len=4096 -timeout=5 -rss_limit_mb=2048 -verbosity=0 -print_final_stats=1 \
    -artifact_prefix="${FUZZ_ARTIFACTS:-/tmp/}" "$out/corpus"
