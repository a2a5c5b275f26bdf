#!/usr/bin/env bash
# Figures of the database beside pgbench, on a private server in a scratch folder: the same tenant-scoped indexed read
# (begin, set_config, select, commit) over 8 connections by pgbench with and without a pipeline, by the driver, and as an
# RPC under h2load; and what row-level security costs.
# Usage: scripts/bench-postgres.sh [SECONDS]
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
. scripts/scratch-postgres.sh
seconds=${1:-10}
for product in postgres-bench ragdzd; do swift build -c release --product $product --quiet; done
products=$(swift build -c release --show-bin-path)
bench=$products/postgres-bench
server=
trap '[ -z "$server" ] || { kill $server; wait $server; } 2>/dev/null; scratch_stop' EXIT
scratch_start max_connections=100
folder=$scratch_folder bin=$scratch_bin
# As in production: the server migrates, and becomes the tenant with its own key.
export RAGDZ_DATABASE_URL="host=$folder user=ragdz_app dbname=postgres"
RAGDZ_DATABASE_OWNER_URL="host=$folder user=postgres dbname=postgres" "$products/ragdzd" migrate >/dev/null 2>&1
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
p99() { sort -n | awk '{ values[NR] = $1 } END { if (NR) print values[int(NR * 0.99)] }'; }
"$bin/pgbench" -n -h "$folder" -U ragdz_app -M prepared -c 8 -j 2 -T 3 -l --log-prefix="$folder/latency" \
    -f "$folder/pipeline.sql" postgres >/dev/null
echo "pgbench, pipeline 99th percentile: $(cut -d' ' -f3 "$folder"/latency* | p99) us"
for calls in 8 64 256; do
    printf 'RAG-DZ driver,    8 connections, 2 loops, %3d calls in flight: ' "$calls"
    "$bench" "host=$folder user=ragdz_app dbname=postgres" "$calls" "$seconds" 8 2
done

# What row-level security costs: the same read under the policy, and by a role that it does not bind.
plain="select text from ragdz.bench where tenant_id = '00000000-0000-0001-0000-000000000001' and id = :id;"
printf '\\set id random(1, 100000)\nbegin;\nselect set_config($$ragdz.tenant$$, $$00000000-0000-0001-0000-000000000001$$, true);\n%s\ncommit;\n' \
    "$plain" >"$folder/tax.sql"
for round in 1 2; do
    for role in postgres ragdz_app; do
        printf 'one client, read as %-9s ' "$role"
        "$bin/pgbench" -n -h "$folder" -U "$role" -M prepared -c 1 -T "$seconds" -f "$folder/tax.sql" postgres |
            grep -E '^latency average' | sed 's/latency average = //'
    done
done

# The same read as an RPC: GetTenant by the tenant's own key, which the server has in its memory.
mkdir "$folder.data"
export RAGDZ_FEATURES=tenants,keys RAGDZ_LOG_CALLS=off
RAGDZ_DATABASE_CONNECTIONS=4 RAGDZ_THREADS=2 "$products/ragdzd" serve --data "$folder.data" --listen 127.0.0.1:0 \
    --bridge 127.0.0.1:0 >"$folder.server.log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; wait $server 2>/dev/null; rm -rf "$folder.data" "$folder.server.log"; scratch_stop' EXIT
for _ in $(seq 200); do [ -s "$folder.data/addresses.json" ] && break; sleep 0.1; done
rpc=$(tr -d '\n' <"$folder.data/addresses.json" | sed -E 's/.*"rpc" *: *"([^"]*)".*/\1/')
bridge=$(tr -d '\n' <"$folder.data/addresses.json" | sed -E 's/.*"bridge" *: *"([^"]*)".*/\1/')
bridge=${bridge#http://} rpc=${rpc#http://}
post() { # KEY PATH JSON FIELD
    curl -fsS -H "authorization: Bearer $1" -H 'content-type: application/json' -d "$3" "http://$bridge$2" |
        sed -E "s/.*\"$4\" *: *\"([^\"]*)\".*/\1/"
}
operator=$(cat "$folder.data/operator-credential")
tenant=$(curl -fsS -H "authorization: Bearer $operator" -H 'content-type: application/json' \
    -d '{"slug":"bench","name":"Bench","region":"REGION_DZ"}' "http://$bridge/v1/tenants" | sed -E 's/^\{"id" *: *"([^"]*)".*/\1/')
key=$(post "$operator" /v1/keys "{\"name\":\"bench\",\"scopes\":[\"*\"],\"tenantId\":\"$tenant\"}" secret)
# A refusal would be fast as well, and h2load would not notice it.
curl -fsS -o /dev/null -H "authorization: Bearer $key" "http://$bridge/v1/tenants/me"
# GetTenantRequest{id: "me"} in one gRPC message.
printf '\0\0\0\0\4\12\2me' >"$folder/request"
for streams in 8 32; do
    printf 'RPC under h2load, 8 connections to the database, %3d calls in flight: ' $((streams * 8))
    h2load -D "$seconds" --warm-up-time 2 -c 8 -m "$streams" -t 1 -d "$folder/request" -H 'content-type: application/grpc' \
        -H 'te: trailers' -H "authorization: Bearer $key" "http://$rpc/ragdz.v1.Tenants/GetTenant" >"$folder/h2load"
    grep -E '^finished' "$folder/h2load" | sed -E 's/.*, ([0-9.]+ req\/s).*/\1/' | tr '\n' ' '
    grep -E '^requests:' "$folder/h2load" | sed -E 's/.* ([0-9]+ succeeded, [0-9]+ failed).*/\1/'
done
h2load -n 50000 -c 8 -m 1 -t 1 --log-file="$folder/times" -d "$folder/request" -H 'content-type: application/grpc' \
    -H 'te: trailers' -H "authorization: Bearer $key" "http://$rpc/ragdz.v1.Tenants/GetTenant" >/dev/null
echo "RPC, 8 calls in flight, 99th percentile: $(cut -f3 "$folder/times" | p99) us"
