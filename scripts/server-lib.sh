# Sourced by demo.sh and serve.sh: builds the two executables, starts ragdzd on a folder of its own, waits, stops it.

started=$SECONDS
last=$SECONDS

# step TITLE: says how long the last step took and what comes next.
step() {
    local now=$SECONDS
    [ -z "${current_step:-}" ] || printf '   … %s s\n' "$((now - last))"
    current_step=$1
    last=$now
    printf '\n== %s\n' "$1"
}

fail() {
    printf '\nFAILED: %s\n' "$*" >&2
    exit 1
}

# expect WHAT COMMAND…: runs a check and says how it ended.
expect() {
    local what=$1
    shift
    if "$@"; then printf '   ok: %s\n' "$what"; else fail "$what"; fi
}

# field NAME: one member of the JSON object on standard input; empty when it is absent.
field() { python3 -c 'import json, sys; print(json.load(sys.stdin).get(sys.argv[1], ""))' "$1"; }

install_missing() {
    scripts/install-packages.sh
    . scripts/runtime-env.sh
    scripts/install-runtime.sh
}

# Builds release, unless RAGDZ_BIN names a folder with both executables. Sets $ragdz and $ragdzd.
build() {
    if [ -z "${RAGDZ_BIN:-}" ]; then
        swift build -c release --product ragdzd
        swift build -c release --product ragdz
        RAGDZ_BIN=$(swift build -c release --show-bin-path)
    fi
    ragdz=$RAGDZ_BIN/ragdz
    ragdzd=$RAGDZ_BIN/ragdzd
    [ -x "$ragdz" ] && [ -x "$ragdzd" ] || fail "there is no ragdz or no ragdzd in $RAGDZ_BIN"
}

# start_server FOLDER RPC BRIDGE: starts ragdzd in the background and waits until it serves.
# Sets $server_pid, $rpc (host:port) and $bridge (http://host:port).
start_server() {
    local folder=$1
    mkdir -p "$folder"
    rm -f "$folder/addresses.json"
    setsid "$ragdzd" serve --data "$folder" --listen "$2" --bridge "$3" >>"$folder.log" 2>&1 </dev/null &
    server_pid=$!
    local tries=0
    until [ -s "$folder/addresses.json" ]; do
        kill -0 "$server_pid" 2>/dev/null || {
            tail -n 20 "$folder.log" >&2
            fail "ragdzd ended at its start; its log is above"
        }
        tries=$((tries + 1))
        [ "$tries" -lt 1200 ] || fail "ragdzd was not ready within two minutes; see $folder.log"
        sleep 0.1
    done
    rpc=$(field rpc <"$folder/addresses.json")
    bridge=$(field bridge <"$folder/addresses.json")
    until curl -fsS -o /dev/null "$bridge/readyz" 2>/dev/null; do
        kill -0 "$server_pid" 2>/dev/null || fail "ragdzd ended at its start; see $folder.log"
        tries=$((tries + 1))
        [ "$tries" -lt 1200 ] || fail "ragdzd was not ready within two minutes; see $folder.log"
        sleep 0.1
    done
}

# stop_server: SIGTERM, then SIGKILL after 30 seconds. Its exit status is that of ragdzd.
stop_server() {
    [ -n "${server_pid:-}" ] || return 0
    local pid=$server_pid waited=0
    server_pid=
    kill -TERM "$pid" 2>/dev/null || true
    while kill -0 "$pid" 2>/dev/null && [ "$waited" -lt 300 ]; do
        sleep 0.1
        waited=$((waited + 1))
    done
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null
}
