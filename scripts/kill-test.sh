#!/usr/bin/env bash
# Kills ragdzd with SIGKILL at random moments of `brief` runs, then checks that every run finished exactly once.
# Usage: scripts/kill-test.sh [KILLS=100]     RAGDZ_BIN=FOLDER takes executables that are built already; KEEP=1 keeps the folder;
# SEED=NUMBER repeats the choice of moments. Exit status 0: every check held.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
. scripts/server-lib.sh
kills=${1:-100}
seed=${SEED:-$RANDOM}

scratch=$(mktemp -d /tmp/ragdz-kill.XXXXXX)
# PostgreSQL runs as another user when this script runs as root, and has to pass through.
chmod 711 "$scratch"
data=$scratch/data

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

# start_server, without the shell's word about each process that is killed.
start_quietly() {
    start_server "$@"
    disown "$server_pid"
}

step "A tenant, a collection and its documents (seed $seed)"
start_quietly "$data" 127.0.0.1:0 127.0.0.1:0
operator=$(cat "$data/operator-credential")
export RAGDZ_ADDRESS=$rpc XDG_CONFIG_HOME=$scratch/config
tenant=$(RAGDZ_KEY=$operator "$ragdz" tenant create kill --name "Kill test" --region dz --json | field id)
RAGDZ_KEY=$(RAGDZ_KEY=$operator "$ragdz" key create kill --scope '*' --tenant "$tenant" 2>/dev/null)
export RAGDZ_KEY
"$ragdz" collection create law --json >/dev/null
"$ragdz" doc upload --collection law demo/corpus/fr/* >/dev/null 2>&1
before=$("$ragdz" collection get law --json | field documentCount)
echo "   $before documents"

step "$kills kills at random moments"
driver() { python3 scripts/kill_test.py "$bridge" "$@"; }
for round in $(seq "$kills"); do
    # The driver starts runs, approves those that wait, and kills the server in the midst of it.
    driver round "$round" "$server_pid" "$seed"
    while kill -0 "$server_pid" 2>/dev/null; do sleep 0.02; done
    server_pid=
    start_quietly "$data" "$rpc" "${bridge#http://}"
    [ $((round % 10)) -ne 0 ] || printf '   %s of %s kills, %s s\n' "$round" "$kills" "$((SECONDS - started))"
done

step "Letting every run end, and checking each one"
driver finish "$kills" "$before"
printf '\nAll checks held: %s kills, %s s.\n' "$kills" "$((SECONDS - started))"
