#!/usr/bin/env bash
# Mixed calls (all types, cancels, deadlines, broken peers, TLS and clear) against ragdz-echo, and a light set against ragdzd.
# Usage: scripts/soak.sh [MINUTES=20]      RAGDZ_BIN=FOLDER takes executables that are built; ONLY=echo leaves ragdzd out.
# Exit status 0: no healthy call failed, memory stayed within 5 % after warm-up.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
. scripts/server-lib.sh
minutes=${1:-20}
scratch=$(mktemp -d /tmp/ragdz-soak.XXXXXX)
chmod 711 "$scratch"
pids=
clean_up() {
    local status=$?
    trap - EXIT
    [ -z "$pids" ] || kill $pids 2>/dev/null || true
    stop_server 2>/dev/null || true
    rm -rf "$scratch"
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

scripts/test-venv.sh
python=${RAGDZ_TEST_VENV:-.venv-tests}/bin/python
common=$(echo "${RAGDZ_TEST_VENV:-.venv-tests}"/lib/python3*/site-packages)
mkdir "$scratch/stubs"
"$python" -m grpc_tools.protoc -I Examples/ragdz-echo -I Protos -I "$common" --python_out="$scratch/stubs" --grpc_python_out="$scratch/stubs" echo.proto
"$python" -m grpc_tools.protoc -I Protos -I "$common" --python_out="$scratch/stubs" --grpc_python_out="$scratch/stubs" \
    $(cd Protos && find . -name '*.proto' | sed 's|^\./||')

if [ -z "${RAGDZ_BIN:-}" ]; then
    swift build -c release --product ragdz-echo
    echo_server=$(swift build -c release --show-bin-path)/ragdz-echo
else
    echo_server=$RAGDZ_BIN/ragdz-echo
fi
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$scratch/key.pem" -out "$scratch/cert.pem" 2>/dev/null

# start_echo KIND ARGUMENTS...: adds to `servers`.
servers=
start_echo() {
    local kind=$1 log=$scratch/$1.log port=
    shift
    : >"$log"
    "$echo_server" --port 0 "$@" >"$log" 2>&1 &
    pids="$pids $!"
    local pid=$!
    for _ in $(seq 200); do
        port=$(sed -n 's/^ready on .*:\([0-9]*\)$/\1/p' "$log")
        [ -z "$port" ] || break
        sleep 0.05
    done
    [ -n "$port" ] || fail "ragdz-echo did not start: $(cat "$log")"
    servers="$servers $kind:$port:$pid"
}
start_echo clear
start_echo tls --certificate "$scratch/cert.pem" --key "$scratch/key.pem"
servers="$servers:$scratch/cert.pem"

if [ "${ONLY:-}" != echo ]; then
    install_missing
    build
    start_server "$scratch/data" 127.0.0.1:0 127.0.0.1:0
    operator=$(cat "$scratch/data/operator-credential")
    export RAGDZ_ADDRESS=$rpc XDG_CONFIG_HOME=$scratch/config
    tenant=$(RAGDZ_KEY=$operator "$ragdz" tenant create soak --name Soak --region dz --plan enterprise --json | field id)
    RAGDZ_KEY=$(RAGDZ_KEY=$operator "$ragdz" key create soak --scope '*' --tenant "$tenant" 2>/dev/null)
    export RAGDZ_KEY
    "$ragdz" collection create law --json >/dev/null
    "$ragdz" doc upload --collection law demo/corpus/fr/* >/dev/null 2>&1
    servers="$servers ragdzd:${rpc##*:}:$server_pid"
fi
# shellcheck disable=SC2086
PYTHONPATH=$scratch/stubs "$python" Tests/Foreign/soak/soak.py "$minutes" $servers
