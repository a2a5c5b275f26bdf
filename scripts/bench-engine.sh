#!/usr/bin/env bash
# Allocations and instructions of a call, a streamed message, a codec run and the check of a key, against Benchmarks/thresholds.json.
# Both are counts: they do not depend on the machine's load. A count above its threshold fails.
# Usage: scripts/bench-engine.sh          release build, allocations and instructions (valgrind), a minute
#        scripts/bench-engine.sh short    the debug build that the tests use, allocations only, seconds
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
if [ "${1:-}" = short ]; then
    [ -x .build/debug/engine-bench ] || swift build --product engine-bench
    .build/debug/engine-bench | sed 's/^/allocations /' | python3 scripts/bench_thresholds.py debug
    exit
fi
command -v valgrind >/dev/null || { echo "valgrind is missing: apt-get install valgrind"; exit 1; }
swift build -c release --product engine-bench >&2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# valgrind 3.19 cannot read the compiler's debug information.
strip -g -o "$work/bench" .build/release/engine-bench

# Instructions of the thread that does the work: the server's loop for calls, the main thread for the codec.
count() {
    SWIFT_DETERMINISTIC_HASHING=1 valgrind --tool=callgrind --separate-threads=yes \
        --callgrind-out-file="$work/$1.$2" "$work/bench" "$1" "$2" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
    python3 scripts/bench_thresholds.py thread "$work/$1.$2" "$3"
    rm -f "$work/$1.$2"*
}
difference() {
    local few many
    few=$(count "$1" "$2" "$4")
    many=$(count "$1" "$3" "$4")
    echo "instructions $1 $(((many - few) / ($3 - $2)))"
}
{
    "$work/bench" | sed 's/^/allocations /'
    difference unary 640 3840 loop
    difference stream-message 2000 22000 loop
    difference encode 20 220 main
    difference decode 20 220 main
    difference key-verify 2000 12000 main
    difference key-malformed 2000 12000 main
} | python3 scripts/bench_thresholds.py release
