#!/usr/bin/env bash
# A database with a hot standby fails over under a running server: the primary is killed, the server finds the standby (libpq
# knows both), calls are told UNAVAILABLE with a time to come back for as long as it takes no changes (SQLSTATE 25006), the
# standby is promoted, and everything works again with what was stored before, without anybody touching the server.
# Usage: scripts/failover.sh       RAGDZ_BIN: a folder with ragdzd; otherwise the release build
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
. scripts/scratch-postgres.sh
if [ -n "${RAGDZ_BIN:-}" ]; then
    products=$RAGDZ_BIN
else
    swift build -c release --product ragdzd --quiet
    products=$(swift build -c release --show-bin-path)
fi
work=$(mktemp -d /tmp/ragdz-failover-XXXXXX)
chmod 755 "$work"
server= standby_process=
cleanup() {
    for process in $server $standby_process; do kill -INT "$process" 2>/dev/null && wait "$process" 2>/dev/null || true; done
    scratch_stop
    rm -rf "$work" "$standby"
}
standby=$(mktemp -d /tmp/ragdz-standby-XXXXXX)
trap cleanup EXIT
scratch_start wal_level=replica max_wal_senders=4 hot_standby=on wal_keep_size=64MB
as=
if [ "$(id -u)" = 0 ]; then
    chown ragdz "$standby"
    as="setpriv --reuid=$(id -u ragdz) --regid=$(id -g ragdz) --clear-groups --"
fi
owner="host=$scratch_folder user=postgres dbname=postgres"
export RAGDZ_DATABASE_URL="host=$scratch_folder,$standby user=ragdz_app dbname=postgres"
RAGDZ_DATABASE_OWNER_URL=$owner RAGDZ_DATABASE_URL="host=$scratch_folder user=ragdz_app dbname=postgres" \
    "$products/ragdzd" migrate >/dev/null 2>&1
$as "$scratch_bin/pg_basebackup" -D "$standby/cluster" -d "host=$scratch_folder user=postgres" -R --checkpoint=fast
$as "$scratch_bin/postgres" -D "$standby/cluster" -c listen_addresses= -c jit=off -c "unix_socket_directories=$standby" \
    >"$work/standby.log" 2>&1 &
standby_process=$!
on_standby() { "$scratch_bin/psql" -qXAth "$standby" -U postgres -c "$1" postgres; }
for _ in $(seq 200); do on_standby 'select 1' >/dev/null 2>&1 && break; sleep 0.1; done
[ "$(on_standby 'select pg_is_in_recovery()')" = t ]

RAGDZ_FEATURES=tenants,keys "$products/ragdzd" serve --data "$work/data" --listen 127.0.0.1:0 --bridge 127.0.0.1:0 \
    >"$work/server.log" 2>&1 &
server=$!
for _ in $(seq 300); do [ -s "$work/data/addresses.json" ] && break; sleep 0.1; done
bridge=$(tr -d '\n' <"$work/data/addresses.json" | sed -E 's/.*"bridge" *: *"([^"]*)".*/\1/; s|http://||')
# call KEY METHOD PATH [JSON]: status and body of the answer; headers are kept.
call() {
    curl -sS -m 20 -D "$work/headers" -o "$work/body" -w '%{http_code}' -X "$2" -H "authorization: Bearer $1" \
        -H 'content-type: application/json' ${4:+-d "$4"} "http://$bridge$3"
}
fail() { echo "FAILED: $*"; tail -5 "$work/server.log"; cat "$work/body" 2>/dev/null; exit 1; }
operator=$(cat "$work/data/operator-credential")
[ "$(call "$operator" POST /v1/tenants '{"slug":"acme","name":"Acme","region":"REGION_DZ","plan":"enterprise"}')" = 200 ] ||
    fail "the tenant is not made"
tenant=$(sed -E 's/^\{"id" *: *"([^"]*)".*/\1/' "$work/body")
[ "$(call "$operator" POST /v1/keys "{\"name\":\"k\",\"scopes\":[\"*\"],\"tenantId\":\"$tenant\"}")" = 200 ] || fail "no key"
key=$(sed -E 's/.*"secret" *: *"([^"]*)".*/\1/' "$work/body")
[ "$(call "$key" GET /v1/tenants/me)" = 200 ] || fail "the tenant cannot be read"
# What is not on the standby yet would be lost with the primary: that is the database's business, not the server's.
for _ in $(seq 100); do [ "$(on_standby "select count(*) from ragdz.keys")" = 1 ] && break; sleep 0.1; done

echo "primary is killed; the standby takes no changes"
kill -KILL "$scratch_server"
wait "$scratch_server" 2>/dev/null || true
told=0
for _ in $(seq 40); do
    code=$(call "$key" POST /v1/keys '{"name":"k2","scopes":["retrieval.read"]}')
    [ "$code" = 503 ] || fail "a write without a primary was answered with $code"
    grep -qi '^retry-after:' "$work/headers" || fail "no time to come back"
    grep -q 'DATABASE_UNAVAILABLE' "$work/body" || fail "no reason"
    told=$((told + 1))
done
[ "$(on_standby "select count(*) from pg_stat_activity where usename = 'ragdz_app'")" -gt 0 ] ||
    fail "the server has not found the standby"
echo "$told writes were told UNAVAILABLE / DATABASE_UNAVAILABLE with a time to come back; the server has found the standby"

on_standby 'select pg_promote()' >/dev/null
seen=
for attempt in $(seq 100); do
    code=$(call "$key" POST /v1/keys '{"name":"k2","scopes":["retrieval.read"]}')
    [ "$code" = 200 ] && seen=yes && break
    [ "$code" = 503 ] || fail "after the promotion a write was answered with $code"
    sleep 0.1
done
[ -n "$seen" ] || fail "no write works after the promotion"
[ "$(call "$key" GET /v1/tenants/me)" = 200 ] || fail "the tenant cannot be read after the promotion"
[ "$(on_standby "select count(*) from ragdz.keys")" = 2 ] || fail "a refused write was stored"
echo "promoted: writes work again at attempt $attempt, and none of the refused ones was stored"
