#!/usr/bin/env bash
# Figures of the database beside pgbench, on a private server in a scratch folder: the same tenant-scoped indexed read
# (begin, set_config, select, commit) over 8 connections by pgbench with and without a pipeline, by the driver, and as an
# RPC under h2load, three times in turn; the ratios of the medians are compared with their bars.
# What row-level security costs is measured by scripts/bench-rls.sh.
# Usage: scripts/bench-postgres.sh [SECONDS]       of each measurement, 5 by default; RAGDZ_BIN: a folder with the executables
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
. scripts/scratch-postgres.sh
seconds=${1:-5} rounds=${ROUNDS:-3}
if [ -n "${RAGDZ_BIN:-}" ]; then
    products=$RAGDZ_BIN
else
    for product in postgres-bench ragdzd; do swift build -c release --product $product --quiet; done
    products=$(swift build -c release --show-bin-path)
fi
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
    using (tenant_id = ragdz.visible_tenant()) with check (tenant_id = ragdz.visible_tenant());
grant select on ragdz.bench to ragdz_app;
insert into ragdz.bench select '00000000-0000-0001-0000-000000000001', i, 'row ' || i from generate_series(1, 100000) i;
insert into ragdz.bench select '00000000-0000-0002-0000-000000000002', i, 'row ' || i from generate_series(1, 100000) i;
vacuum analyze ragdz.bench;
SQL
unit="begin;
select set_config('ragdz.tenant', '00000000-0000-0001-0000-000000000001', true);
select text from ragdz.bench where tenant_id = ragdz.visible_tenant() and id = :id;
commit;"
printf '\\set id random(1, 100000)\n%s\n' "$unit" >"$folder/plain.sql"
printf '\\set id random(1, 100000)\n\\startpipeline\n%s\n\\endpipeline\n' "$unit" >"$folder/pipeline.sql"

# The same read as an RPC: GetTenant by the tenant's own key, which the server has in its memory.
mkdir "$folder.data"
export RAGDZ_FEATURES=tenants,keys RAGDZ_LOG_CALLS=failures
threads=${THREADS:-2}
RAGDZ_DATABASE_CONNECTIONS=$((8 / threads)) RAGDZ_THREADS=$threads "$products/ragdzd" serve --data "$folder.data" --listen 127.0.0.1:0 \
    --bridge 127.0.0.1:0 >"$folder.server.log" 2>&1 &
server=$!
trap '[ -z "${KEEP_LOG:-}" ] || cp "$folder.server.log" "$KEEP_LOG"; kill $server 2>/dev/null; wait $server 2>/dev/null; rm -rf "$folder.data" "$folder.server.log"; scratch_stop' EXIT
for _ in $(seq 200); do [ -s "$folder.data/addresses.json" ] && break; sleep 0.1; done
rpc=$(tr -d '\n' <"$folder.data/addresses.json" | sed -E 's/.*"rpc" *: *"([^"]*)".*/\1/')
bridge=$(tr -d '\n' <"$folder.data/addresses.json" | sed -E 's/.*"bridge" *: *"([^"]*)".*/\1/')
bridge=${bridge#http://} rpc=${rpc#http://}
post() { # KEY PATH JSON FIELD
    curl -fsS -H "authorization: Bearer $1" -H 'content-type: application/json' -d "$3" "http://$bridge$2" |
        sed -E "s/.*\"$4\" *: *\"([^\"]*)\".*/\1/"
}
operator=$(cat "$folder.data/operator-credential")
# The largest plan: its limit of calls is far away, and is looked at all the same.
tenant=$(curl -fsS -H "authorization: Bearer $operator" -H 'content-type: application/json' \
    -d '{"slug":"bench","name":"Bench","region":"REGION_DZ","plan":"enterprise"}' "http://$bridge/v1/tenants" |
    sed -E 's/^\{"id" *: *"([^"]*)".*/\1/')
key=$(post "$operator" /v1/keys "{\"name\":\"bench\",\"scopes\":[\"*\"],\"tenantId\":\"$tenant\"}" secret)
curl -fsS -o /dev/null -H "authorization: Bearer $key" "http://$bridge/v1/tenants/me"
# GetTenantRequest{id: "me"} in one gRPC message.
printf '\0\0\0\0\4\12\2me' >"$folder/request"
# A refusal would be fast as well, and h2load takes it for a success: so the server logs each one. (What is on its way when
# h2load leaves is cancelled.)
refusals() { grep '"message":"call"' "$folder.server.log" | grep -vc '"CANCELLED"' || true; }

p99() { sort -n | awk '{ values[NR] = $1 } END { if (NR) print values[int(NR * 0.99)] }'; }
median() { sort -n | awk '{ values[NR] = $1 } END { print values[int((NR + 1) / 2)] }'; }
# Each prints one number: units a second, or microseconds.
by_pgbench() { # KIND
    "$bin/pgbench" -n -h "$folder" -U ragdz_app -M prepared -c 8 -j 2 -T "$seconds" -f "$folder/$1.sql" postgres |
        sed -nE 's/^tps = ([0-9]+).*/\1/p'
}
load() { # CALLS-PER-CONNECTION ARGUMENT…
    h2load -c 8 -m "$1" -t 1 -d "$folder/request" -H 'content-type: application/grpc' -H 'te: trailers' \
        -H "authorization: Bearer $key" "${@:2}" "http://$rpc/ragdz.v1.Tenants/GetTenant"
}
by_rpc() { # CALLS-PER-CONNECTION
    local before refused
    before=$(refusals)
    load "$1" -D "$seconds" --warm-up-time 1 >"$folder/h2load"
    refused=$(($(refusals) - before))
    awk -v refused="$refused" '
        /^finished/ { sub(/\.[0-9]+$/, "", $4); rate = $4 }
        /^requests:/ { done = $8; failed = $10 + $12 }
        END {
            if (failed > 0 || refused > 0) {
                print "of " done " calls " failed " failed and " refused " were refused" >"/dev/stderr"
                exit 1
            }
            print rate
        }' "$folder/h2load"
}
p99_pgbench() {
    rm -f "$folder"/latency*
    "$bin/pgbench" -n -h "$folder" -U ragdz_app -M prepared -c 8 -j 2 -T "$seconds" -l --log-prefix="$folder/latency" \
        -f "$folder/pipeline.sql" postgres >/dev/null
    cut -d' ' -f3 "$folder"/latency* | p99
}
p99_rpc() {
    rm -f "$folder/times"
    load 1 -D "$seconds" --warm-up-time 1 --log-file="$folder/times" >/dev/null
    cut -f3 "$folder/times" | p99
}

row='%-7s %12s %12s %12s %12s %14s %14s\n'
printf "$row" round 'pgbench' 'pipelined' 'RPC, 64' 'RPC, 256' 'p99 pipelined' 'p99 RPC, 8'
for round in $(seq "$rounds"); do
    by_pgbench plain >>"$folder/plain"
    by_pgbench pipeline >>"$folder/pipelined"
    by_rpc 8 >>"$folder/rpc64"
    by_rpc 32 >>"$folder/rpc256"
    p99_pgbench >>"$folder/p99pgbench"
    p99_rpc >>"$folder/p99rpc"
    printf "$row" "$round" $(for column in plain pipelined rpc64 rpc256 p99pgbench p99rpc; do tail -n 1 "$folder/$column"; done)
done
for column in plain pipelined rpc64 rpc256 p99pgbench p99rpc; do
    declare "$column=$(median <"$folder/$column")"
done
printf "$row" median "$plain" "$pipelined" "$rpc64" "$rpc256" "$p99pgbench us" "$p99rpc us"
best=$((rpc64 > rpc256 ? rpc64 : rpc256))
awk -v plain="$plain" -v pipelined="$pipelined" -v rpc="$best" -v theirs="$p99pgbench" -v ours="$p99rpc" '
    function line(text, value, good) { printf "%-62s %5.2f  %s\n", text, value, good ? "held" : "NOT HELD" }
    BEGIN {
        line("RPC / pgbench with a pipeline            (bar: at least 0.60)", rpc / pipelined, rpc >= 0.6 * pipelined)
        line("RPC / pgbench without a pipeline         (bar: at least 1.30)", rpc / plain, rpc >= 1.3 * plain)
        line("p99 of the RPC / p99 of pgbench pipelined (bar: at most 3.00)", ours / theirs, ours <= 3 * theirs)
    }'
cpu() { cut -d' ' -f14,15 "/proc/$server/stat" | awk '{ print $1 + $2 }'; }
before=$(cpu)
load 8 -n 100000 >/dev/null
echo "CPU of ragdzd a call, 64 calls in flight: $(awk -v ticks=$(($(cpu) - before)) 'BEGIN { print ticks / 10 }') us"

[ -x "$bench" ] || exit 0
for calls in 8 64 256; do
    printf 'RAG-DZ driver,    8 connections, 2 loops, %3d calls in flight: ' "$calls"
    "$bench" "host=$folder user=ragdz_app dbname=postgres" "$calls" "$seconds" 8 2
done
