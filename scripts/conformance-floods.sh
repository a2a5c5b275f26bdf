#!/usr/bin/env bash
# Attacks ragdz-echo in some forty ways while a healthy client goes on calling it; prints what each attack cost.
# Usage: scripts/conformance-floods.sh [SECONDS [RAGDZ-ECHO]]      Each attack is repeated for SECONDS (2; 0: made once).
# Without the program a release build is made. The server's timeouts are shortened to a second or so.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
seconds=${1:-2}
server=${2:-}
if [ -z "$server" ]; then
    swift build -c release --product ragdz-echo
    server=.build/release/ragdz-echo
fi
scripts/test-venv.sh >/dev/null
scratch=$(mktemp -d)
limits=
for limit in handshakeTimeout=1000 requestTimeout=1500 idleTimeout=1500 keepaliveInterval=1000 keepaliveTimeout=1000 \
    stallTimeout=1500 connectionGrace=1000; do limits="$limits --limit $limit"; done
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$scratch/key.pem" -out "$scratch/cert.pem" 2>/dev/null
pid=
trap '[ -z "$pid" ] || kill $pid 2>/dev/null || true; rm -rf "$scratch"' EXIT

# attack TITLE CA-FILE ARGUMENTS...: on a server of its own.
attack() {
    local title=$1 authority=$2 port=
    shift 2
    : >"$scratch/log"
    # shellcheck disable=SC2086
    "$server" --port 0 $limits "$@" >"$scratch/log" 2>&1 &
    pid=$!
    for _ in $(seq 200); do
        port=$(sed -n 's/^ready on .*:\([0-9]*\)$/\1/p' "$scratch/log")
        [ -z "$port" ] || break
        sleep 0.05
    done
    echo "== $title"
    # shellcheck disable=SC2086
    "${RAGDZ_TEST_VENV:-.venv-tests}/bin/python" Tests/Foreign/http2/floods.py "$port" "$pid" "$seconds" $authority
    kill "$pid"
    pid=
}
attack "in the clear" ""
# The short form makes each attack once, in the clear.
[ "$seconds" = 0 ] || attack "over TLS" "$scratch/cert.pem" --certificate "$scratch/cert.pem" --key "$scratch/key.pem"
