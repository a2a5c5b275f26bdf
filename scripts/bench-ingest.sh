#!/usr/bin/env bash
# Ingest on the embedded default: how busy the embedding server is while many documents come in, characters a second, and
# memory of a long PDF against a short one.
# Usage: scripts/bench-ingest.sh [DOCUMENTS=60]     RAGDZ_BIN=FOLDER takes executables that are built already.
# Exit status 0: the embedding server was busy for at least 90 % of the time, and PDF files of 500 and of 2,000 pages took at
# most 12 MiB more than one of 50. BUSY=0 only reports.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
. scripts/server-lib.sh
scratch=$(mktemp -d /tmp/ragdz-ingest.XXXXXX)
chmod 711 "$scratch"

clean_up() {
    local status=$?
    trap - EXIT
    stop_server 2>/dev/null || true
    if [ -n "${KEEP:-}" ]; then echo "Kept: $scratch"; else rm -rf "$scratch"; fi
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

step "Installing and building what is missing"
install_missing
build
step "A server, a tenant, a key"
start_server "$scratch/data" 127.0.0.1:0 127.0.0.1:0
operator=$(cat "$scratch/data/operator-credential")
export RAGDZ_ADDRESS=$rpc XDG_CONFIG_HOME=$scratch/config
tenant=$(RAGDZ_KEY=$operator "$ragdz" tenant create bench --name Bench --region dz --json | field id)
RAGDZ_KEY=$(RAGDZ_KEY=$operator "$ragdz" key create bench --scope '*' --tenant "$tenant" 2>/dev/null)
export RAGDZ_KEY
"$ragdz" collection create bench --json >/dev/null
step "Ingest"
python3 scripts/bench_ingest.py "$bridge" "$server_pid" "${1:-60}"
