#!/usr/bin/env bash
# HTTP/2 as the RFCs want it (9113 and 7541): every case of Tests/Foreign/http2 against ragdz-echo, in the clear and over TLS;
# and how a server stops: calls under way, streams, a second signal.
# Usage: scripts/conformance-http2.sh [RAGDZ-ECHO]      Without the program it is built first.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
# So many cases there are: a table that shrinks unnoticed proves nothing.
expected=192
server=${1:-}
if [ -z "$server" ]; then
    swift build --product ragdz-echo
    server=.build/debug/ragdz-echo
fi
scripts/test-venv.sh >/dev/null
python=${RAGDZ_TEST_VENV:-.venv-tests}/bin/python
scratch=$(mktemp -d)
pids=
trap '[ -z "$pids" ] || kill $pids 2>/dev/null || true; rm -rf "$scratch"' EXIT
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$scratch/key.pem" -out "$scratch/cert.pem" 2>/dev/null

# start NAME ARGUMENTS...: sets `port`.
start() {
    local log=$scratch/$1.log
    shift
    : >"$log"
    "$server" --port 0 "$@" >"$log" 2>&1 &
    pids="$pids $!"
    for _ in $(seq 200); do
        port=$(sed -n 's/^ready on .*:\([0-9]*\)$/\1/p' "$log")
        [ -z "$port" ] || return 0
        sleep 0.05
    done
    cat "$log"
    exit 1
}

failed=0
check() {
    local name=$1
    shift
    "$python" Tests/Foreign/http2/conformance.py "$@" >"$scratch/$name.out" || failed=1
    sed "s/^/HTTP\/2 $name: /" "$scratch/$name.out"
    grep -qx "$expected passed of $expected" "$scratch/$name.out" || failed=1
}
start clear
check "in the clear" "$port"
start tls --certificate "$scratch/cert.pem" --key "$scratch/key.pem"
check "over TLS" "$port" "$scratch/cert.pem"
"$python" Tests/Foreign/http2/graceful.py "$server" "$scratch/cert.pem" "$scratch/key.pem" || failed=1
exit $failed
