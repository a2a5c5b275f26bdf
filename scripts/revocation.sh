#!/usr/bin/env bash
# Four ragdzd on one database under load, seen through our own client: how long a revoked key still works on each of
# them, whether rotations fail a call, and whether they keep one key's limit together.
# Usage: scripts/revocation.sh [KEYS=200] [SECONDS=45]      RAGDZ_BIN=FOLDER takes executables that are built.
# Exit status 0: p99 of a revocation at most 100 ms, no call failed by a rotation, every window within 1 %.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
. scripts/server-lib.sh
. scripts/scratch-postgres.sh
keys=${1:-200} seconds=${2:-45}
work=$(mktemp -d /tmp/ragdz-fleet.XXXXXX)
chmod 711 "$work"
pids=
clean_up() {
    local status=$?
    trap - EXIT
    [ -z "$pids" ] || kill $pids 2>/dev/null || true
    [ -z "$pids" ] || wait $pids 2>/dev/null || true
    scratch_stop
    rm -rf "$work"
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [ -z "${RAGDZ_BIN:-}" ]; then
    swift build -c release --product ragdzd >&2
    swift build -c release --product keys-fleet >&2
    RAGDZ_BIN=$(swift build -c release --show-bin-path)
fi
scratch_start max_connections=200
export RAGDZ_DATABASE_URL="host=$scratch_folder user=ragdz_app dbname=postgres"
export RAGDZ_DATABASE_OWNER_URL="host=$scratch_folder user=postgres dbname=postgres"
export RAGDZ_DATABASE_CONNECTIONS=8 RAGDZ_LOG_CALLS=off
RAGDZ_KEY_PEPPER=1:$(od -An -tx1 -N32 /dev/urandom | tr -d ' \n')
export RAGDZ_KEY_PEPPER
addresses=
for node in 1 2 3 4; do
    "$RAGDZ_BIN/ragdzd" serve --data "$work/$node" --features tenants,keys --listen 127.0.0.1:0 --bridge off \
        >"$work/$node.log" 2>&1 </dev/null &
    pids="$pids $!"
    for _ in $(seq 600); do
        [ -s "$work/$node/addresses.json" ] && break
        kill -0 $! 2>/dev/null || { cat "$work/$node.log" >&2; exit 1; }
        sleep 0.1
    done
    addresses="$addresses $(field rpc <"$work/$node/addresses.json")"
done
operator=$(cat "$work/1/operator-credential")
# shellcheck disable=SC2086
"$RAGDZ_BIN/keys-fleet" revocation "$operator" "$keys" $addresses
# shellcheck disable=SC2086
"$RAGDZ_BIN/keys-fleet" limits "$operator" "$seconds" $addresses
