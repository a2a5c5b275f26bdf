#!/usr/bin/env bash
# What `make serve` runs: builds, starts ragdzd on the embedded default, prints addresses and a first key, leaves it running.
# `serve.sh stop` stops it. The data stays in $RAGDZ_DATA (root: /var/lib/ragdz/data, others: ~/.local/share/ragdz/data).
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
. scripts/server-lib.sh
. scripts/runtime-env.sh
data=${RAGDZ_DATA:-$(dirname "$RAGDZ_RUNTIME")/data}

running() { [ -s "$data/serve.pid" ] && kill -0 "$(cat "$data/serve.pid")" 2>/dev/null; }

if [ "${1:-}" = stop ]; then
    running || { echo "No server runs on $data."; exit 0; }
    server_pid=$(cat "$data/serve.pid")
    stop_server || true
    rm -f "$data/serve.pid"
    echo "Stopped."
    exit 0
fi

if running; then
    echo "A server runs already on $data:"
    rpc=$(field rpc <"$data/addresses.json")
    bridge=$(field bridge <"$data/addresses.json")
    build
else
    step "Installing what is missing"
    install_missing
    step "Building release (the first build takes some minutes)"
    build
    step "Starting ragdzd on $data"
    start_server "$data" "${RAGDZ_LISTEN:-127.0.0.1:7443}" "${RAGDZ_BRIDGE:-127.0.0.1:7480}"
    echo "$server_pid" >"$data/serve.pid"
fi

if [ ! -s "$data/first-key" ]; then
    operator=$(cat "$data/operator-credential")
    export RAGDZ_ADDRESS=$rpc
    tenant=$(RAGDZ_KEY=$operator "$ragdz" tenant create first --name "First tenant" --region dz --json | field id)
    (umask 077; RAGDZ_KEY=$operator "$ragdz" key create first --scope '*' --tenant "$tenant" 2>/dev/null >"$data/first-key")
fi
cat <<END

RPC:       $rpc          (gRPC and RAG-DZ framing)
JSON:      $bridge   (/openapi.json, /healthz, /readyz)
Key:       $(cat "$data/first-key")
Operator:  in $data/operator-credential
Log:       $data.log
Stop:      make stop

Try:
  export RAGDZ_ADDRESS=$rpc RAGDZ_KEY=$(cat "$data/first-key")
  $ragdz collection create law
  $ragdz doc upload --collection law demo/corpus/*/*
  $ragdz ask "Quel est le taux de la TVA en Suisse ?"
  curl -N -H "Authorization: Bearer \$RAGDZ_KEY" -d '{"question":"What is CASNOS?"}' $bridge/v1/ask
END
