#!/usr/bin/env bash
# Memory of ragdz-echo: idle connections and streams, a client stream of 1 GiB, readers that do not read. Each has a bound.
# Usage: scripts/bench-memory.sh [CONNECTIONS=10000 [RAGDZ-ECHO]]      Without the program a release build is made.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
connections=${1:-10000}
server=${2:-}
if [ -z "$server" ]; then
    swift build -c release --product ragdz-echo
    server=.build/release/ragdz-echo
fi
scripts/test-venv.sh >/dev/null
log=$(mktemp)
pid=
trap '[ -z "$pid" ] || kill $pid 2>/dev/null || true; rm -f "$log"' EXIT
ulimit -n "$(ulimit -Hn)"
failed=0

# part NAME [COUNT]: on a fresh server.
part() {
    local port=
    : >"$log"
    "$server" --port 0 >"$log" 2>&1 &
    pid=$!
    for _ in $(seq 200); do
        port=$(sed -n 's/^ready on .*:\([0-9]*\)$/\1/p' "$log")
        [ -z "$port" ] || break
        sleep 0.05
    done
    "${RAGDZ_TEST_VENV:-.venv-tests}/bin/python" Tests/Foreign/http2/memory.py "$port" "$pid" "$@" || failed=1
    kill "$pid"
    wait "$pid" || true
    pid=
}
echo "| what | memory | bound |"
echo "|---|---|---|"
part stream
part slow-window 1000
part slow-socket 1000
part idle-streams 10000
part idle-connections "$connections"
exit $failed
