-- A collection's vectors in another model, while searches go on: every vector says which model made it, a collection has one
-- current set of them and may have a second one that is being filled, and one statement makes the second the current one.

-- The model and its dimension in eight bytes of each row. A revision of a model is part of its name.
create function ragdz.model_key(model text, dimension integer) returns bigint
language sql immutable parallel safe
return hashtextextended(model || '/' || dimension, 0);

create table ragdz.vector_sets (
    tenant_id uuid not null,
    collection_id uuid not null,
    model_key bigint not null,
    model text not null,
    dimension integer not null check (dimension between 1 and 4000),
    -- current: searched. building: filled by a job. retired: its vectors are being removed.
    state text not null check (state in ('current', 'building', 'retired')),
    primary key (tenant_id, collection_id, model_key),
    unique (tenant_id, collection_id, model_key, dimension),
    check (model_key = ragdz.model_key(model, dimension)),
    foreign key (tenant_id, collection_id) references ragdz.collections (tenant_id, id) on delete cascade
);
create unique index vector_sets_current on ragdz.vector_sets (tenant_id, collection_id) where state = 'current';
create unique index vector_sets_building on ragdz.vector_sets (tenant_id, collection_id) where state = 'building';
create index vector_sets_retired on ragdz.vector_sets (state) where state = 'retired';

-- The owner has to see the rows that it completes; it is bound again at the end.
alter table ragdz.collections no force row level security;
alter table ragdz.chunk_vectors no force row level security;
alter table ragdz.vector_homes no force row level security;

insert into ragdz.vector_sets (tenant_id, collection_id, model_key, model, dimension, state)
select c.tenant_id, c.id, ragdz.model_key(c.embedding_model, c.embedding_dimension), c.embedding_model, c.embedding_dimension,
    'current'
from ragdz.collections c;

-- Most vectors are of one model: its key is every row's at once, without a row being written, and the others get theirs.
do $$
declare
    usual bigint;
begin
    select v.model_key into usual
    from ragdz.vector_sets v group by v.model_key order by count(*) desc, v.model_key limit 1;
    execute format('alter table ragdz.chunk_vectors add column model_key bigint not null default %s', coalesce(usual, 0));
    alter table ragdz.chunk_vectors alter column model_key drop default;
    update ragdz.chunk_vectors v set model_key = s.model_key
    from ragdz.vector_sets s
    where s.tenant_id = v.tenant_id and s.collection_id = v.collection_id and s.model_key <> usual;
end
$$;
do $$
declare
    old_key name;
begin
    -- Their names are those of another table that was there before.
    for old_key in
        select c.conname from pg_constraint c
        where c.conrelid = 'ragdz.chunk_vectors'::regclass
            and (c.contype = 'p' or c.confrelid = 'ragdz.collections'::regclass)
    loop
        execute format('alter table ragdz.chunk_vectors drop constraint %I', old_key);
    end loop;
end
$$;
alter table ragdz.chunk_vectors add primary key (tenant_id, chunk_id, model_key, home);
-- A vector of another dimension than its set's cannot be stored.
alter table ragdz.chunk_vectors add foreign key (tenant_id, collection_id, model_key, dimension)
    references ragdz.vector_sets (tenant_id, collection_id, model_key, dimension) on delete cascade;
alter table ragdz.collections drop constraint collections_tenant_id_id_embedding_dimension_key;
drop index ragdz.chunk_vectors_by_collection;
create index chunk_vectors_by_set on ragdz.chunk_vectors (tenant_id, collection_id, model_key);

-- Who makes a collection need not know of sets, and who stores a vector need not say of which it is.
create function ragdz.begin_vector_set() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    insert into ragdz.vector_sets (tenant_id, collection_id, model_key, model, dimension, state)
    values (new.tenant_id, new.id, ragdz.model_key(new.embedding_model, new.embedding_dimension), new.embedding_model,
        new.embedding_dimension, 'current');
    return null;
end
$$;
create trigger collections_vector_set after insert on ragdz.collections
    for each row execute function ragdz.begin_vector_set();
create or replace function ragdz.place_vector() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    select c.document_id, c.shelf_id into new.document_id, new.shelf_id
    from ragdz.chunks c where c.tenant_id = new.tenant_id and c.id = new.chunk_id;
    if new.model_key is null then
        select v.model_key into new.model_key
        from ragdz.vector_sets v
        where v.tenant_id = new.tenant_id and v.collection_id = new.collection_id and v.state = 'current';
    end if;
    return new;
end
$$;
drop trigger chunk_vectors_place on ragdz.chunk_vectors;
create trigger chunk_vectors_place before insert on ragdz.chunk_vectors
    for each row when (new.shelf_id is null or new.document_id is null or new.model_key is null)
    execute function ragdz.place_vector();
alter function ragdz.begin_vector_set() owner to ragdz_definer;
revoke all on function ragdz.begin_vector_set() from public;
grant insert, update on ragdz.vector_sets to ragdz_definer;

-- A tenant's vectors of each model have a home of their own.
alter table ragdz.vector_homes add column model_key bigint;
-- Homes were of a dimension: of those models that have it, the one with most collections stays there.
update ragdz.vector_homes h set model_key = (
    select v.model_key from ragdz.vector_sets v
    where v.tenant_id = h.tenant_id and v.dimension = h.dimension
    group by v.model_key order by count(*) desc, v.model_key limit 1);
delete from ragdz.vector_homes where model_key is null;
alter table ragdz.vector_homes
    alter column model_key set not null,
    drop constraint vector_homes_pkey,
    add primary key (tenant_id, model_key);
update ragdz.chunk_vectors v set home = 0
where v.home > 0 and not exists (
    select from ragdz.vector_homes h
    where h.tenant_id = v.tenant_id and h.model_key = v.model_key and h.home = v.home);
alter table ragdz.collections force row level security;
alter table ragdz.chunk_vectors force row level security;
alter table ragdz.vector_homes force row level security;
grant delete on ragdz.vector_homes to ragdz_definer;

create or replace function ragdz.move_vectors(threshold bigint, at_most integer)
returns table (tenant_id uuid, home integer, moved bigint, ready boolean)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    own record;
begin
    select h.tenant_id, h.model_key, h.home, h.state into own
    from ragdz.vector_homes h
    where h.state = 'moving'
        or exists (select from ragdz.chunk_vectors v where v.home = 0 and v.tenant_id = h.tenant_id and v.model_key = h.model_key)
    order by h.state, h.tenant_id, h.model_key
    limit 1
    for update skip locked;
    if not found then
        -- The homes of tenants that were erased.
        update ragdz.vector_home_stock k set taken = false
        where k.taken and not exists (select from ragdz.vector_homes h where h.home = k.home);
        -- Each model that a tenant's collections have, or will have, stands in a home of its own.
        insert into ragdz.vector_homes as h (tenant_id, model_key, home, dimension, state)
        select large.tenant_id, large.model_key, stock.home, large.dimension, 'moving'
        from (
            select s.tenant_id, v.model_key, v.dimension
            from ragdz.shelves s
            join ragdz.vector_sets v on v.tenant_id = s.tenant_id and v.collection_id = s.collection_id
                and v.state in ('current', 'building')
            where not exists (
                select from ragdz.vector_homes h where h.tenant_id = s.tenant_id and h.model_key = v.model_key)
            group by s.tenant_id, v.model_key, v.dimension
            having sum(s.chunk_count) > threshold
            order by sum(s.chunk_count) desc, s.tenant_id
            limit 1
        ) large
        cross join lateral (
            select k.home from ragdz.vector_home_stock k
            where k.dimension = large.dimension and not k.taken
            order by k.home
            limit 1
        ) stock
        on conflict do nothing
        returning h.tenant_id, h.model_key, h.home, h.state into own;
        if not found then
            return;
        end if;
        update ragdz.vector_home_stock k set taken = true where k.home = own.home;
    end if;
    update ragdz.chunk_vectors v set home = own.home
    where v.home = 0 and v.tenant_id = own.tenant_id and v.model_key = own.model_key and v.chunk_id in (
        select w.chunk_id from ragdz.chunk_vectors w
        where w.home = 0 and w.tenant_id = own.tenant_id and w.model_key = own.model_key
        limit at_most
        for update skip locked);
    get diagnostics moved = row_count;
    ready := own.state = 'ready';
    if moved = 0 and not ready then
        update ragdz.vector_homes h set state = 'ready', update_time = clock_timestamp()
        where h.tenant_id = own.tenant_id and h.model_key = own.model_key;
        ready := true;
    end if;
    tenant_id := own.tenant_id;
    home := own.home;
    return next;
end
$$;

-- A function that is replaced has no settings but those that it is replaced with.
alter function ragdz.move_vectors(bigint, integer) set plan_cache_mode = auto;

-- A job that fills a second set, under the lease rules of ingests (0022).
create table ragdz.reembeddings (
    tenant_id uuid not null,
    -- UUIDv7.
    id uuid not null,
    collection_id uuid not null,
    from_model text not null,
    embedding_model text not null,
    embedding_dimension integer not null,
    -- IngestState of the public contract: 1 to 5.
    state smallint not null default 1 check (state between 1 and 5),
    -- All chunks up to this one have been looked at in this pass; a pass that finds none without a vector is the last.
    after_chunk uuid,
    chunks_done bigint not null default 0,
    characters_embedded bigint not null default 0,
    embedding_micros bigint not null default 0,
    attempts integer not null default 0,
    -- Workers lost since the last batch that was kept.
    losses integer not null default 0,
    code integer not null default 0,
    reason text not null default '',
    message text not null default '',
    due_at timestamptz not null default clock_timestamp(),
    lease_owner uuid,
    lease_epoch bigint not null default 0,
    create_time timestamptz not null default clock_timestamp(),
    update_time timestamptz not null default clock_timestamp(),
    primary key (tenant_id, id),
    foreign key (tenant_id, collection_id) references ragdz.collections (tenant_id, id) on delete cascade
);
create unique index reembeddings_active on ragdz.reembeddings (tenant_id, collection_id) where state in (1, 2);
create index reembeddings_due on ragdz.reembeddings (due_at) where state in (1, 2);
create index reembeddings_by_collection on ragdz.reembeddings (tenant_id, collection_id, id);

do $$
declare
    target text;
begin
    foreach target in array array['vector_sets', 'reembeddings'] loop
        execute format('alter table ragdz.%I enable row level security', target);
        execute format('alter table ragdz.%I force row level security', target);
        execute format(
            'create policy tenant on ragdz.%I for all to ragdz_app '
            'using (tenant_id = ragdz.current_tenant()) with check (tenant_id = ragdz.current_tenant())', target);
        execute format('grant select, insert, update, delete on ragdz.%I to ragdz_app', target);
        -- Beside the tenant: who does not see a collection does not see what becomes of it.
        execute format(
            'create policy groups on ragdz.%1$I as restrictive for all to ragdz_app '
            'using (exists (select from ragdz.collections c where c.tenant_id = %1$I.tenant_id and c.id = %1$I.collection_id)) '
            'with check (exists (select from ragdz.collections c where c.tenant_id = %1$I.tenant_id and c.id = %1$I.collection_id))',
            target);
    end loop;
end
$$;

-- Leases up to `wanted` jobs of any tenant whose model the worker has; two ids and a number.
create function ragdz.claim_due_reembeddings(owner uuid, models text[], wanted integer, lease_micros bigint)
returns table (tenant_id uuid, reembedding_id uuid, lease_epoch bigint)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    with due as materialized (
        select r.tenant_id, r.id from ragdz.reembeddings r
        where r.state in (1, 2) and r.due_at <= clock_timestamp() and r.embedding_model = any (models)
            and coalesce(
                (select t.status in ('trial', 'active') from ragdz.tenants t where t.tenant_id = r.tenant_id), true)
        order by r.due_at
        limit least(greatest(wanted, 0), 100)
        for update of r skip locked
    )
    update ragdz.reembeddings r
    set state = 2, losses = r.losses + (r.state = 2)::integer, attempts = r.attempts + 1, lease_owner = owner,
        lease_epoch = r.lease_epoch + 1, due_at = clock_timestamp() + lease_micros * interval '1 microsecond',
        update_time = clock_timestamp()
    from due
    where r.tenant_id = due.tenant_id and r.id = due.id
    returning r.tenant_id, r.id, r.lease_epoch
$$;

-- Removes up to `at_most` vectors of a set that is not searched any more, then the set, then the home that it leaves empty. How
-- many; -1 when there is no such set.
create function ragdz.remove_retired_vectors(at_most integer) returns bigint
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    old record;
    gone bigint;
begin
    select v.tenant_id, v.collection_id, v.model_key into old
    from ragdz.vector_sets v where v.state = 'retired' limit 1 for update skip locked;
    if not found then
        return -1;
    end if;
    delete from ragdz.chunk_vectors v
    using (
        select w.chunk_id, w.home from ragdz.chunk_vectors w
        where w.tenant_id = old.tenant_id and w.collection_id = old.collection_id and w.model_key = old.model_key
        limit greatest(at_most, 1)
    ) d
    where v.tenant_id = old.tenant_id and v.chunk_id = d.chunk_id and v.model_key = old.model_key and v.home = d.home;
    get diagnostics gone = row_count;
    if gone = 0 then
        delete from ragdz.vector_sets v
        where v.tenant_id = old.tenant_id and v.collection_id = old.collection_id and v.model_key = old.model_key;
        delete from ragdz.vector_homes h
        where h.tenant_id = old.tenant_id and h.model_key = old.model_key and not exists (
            select from ragdz.vector_sets v where v.tenant_id = h.tenant_id and v.model_key = h.model_key);
    end if;
    return gone;
end
$$;
alter function ragdz.claim_due_reembeddings(uuid, text[], integer, bigint) owner to ragdz_definer;
alter function ragdz.remove_retired_vectors(integer) owner to ragdz_definer;
revoke all on function ragdz.claim_due_reembeddings(uuid, text[], integer, bigint), ragdz.remove_retired_vectors(integer)
    from public;
grant execute on function ragdz.claim_due_reembeddings(uuid, text[], integer, bigint), ragdz.remove_retired_vectors(integer)
    to ragdz_app;
alter function ragdz.claim_due_reembeddings(uuid, text[], integer, bigint) set plan_cache_mode = auto;
alter function ragdz.remove_retired_vectors(integer) set plan_cache_mode = auto;
grant update on ragdz.reembeddings to ragdz_definer;

-- A server may have several models: it takes what any of them can embed.
drop function ragdz.claim_due_ingests(uuid, text, integer, bigint);
create function ragdz.claim_due_ingests(owner uuid, models text[], wanted integer, lease_micros bigint)
returns table (tenant_id uuid, ingest_id uuid, lease_epoch bigint)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    with recursive waiting as (
        (select i.tenant_id from ragdz.ingests i where i.state in (1, 2) order by i.tenant_id limit 1)
        union all
        select (
            select i.tenant_id from ragdz.ingests i
            where i.state in (1, 2) and i.tenant_id > w.tenant_id
            order by i.tenant_id limit 1)
        from waiting w
        where w.tenant_id is not null
    ),
    first as (
        select c.tenant_id, c.id, c.due_at,
            row_number() over (partition by c.tenant_id order by c.due_at, c.id) + (
                select count(*) from ragdz.ingests r
                where r.tenant_id = c.tenant_id and r.state = 2 and r.due_at > clock_timestamp()) as turn
        from waiting w
        cross join lateral (
            select i.tenant_id, i.id, i.due_at
            from ragdz.ingests i
            where i.tenant_id = w.tenant_id and i.state in (1, 2) and i.due_at <= clock_timestamp()
                and i.embedding_model = any (models)
            order by i.due_at
            limit least(greatest(wanted, 0), 1000)
        ) c
        -- By its key: the plan of a join reads the whole table of tenants.
        where w.tenant_id is not null and coalesce(
            (select t.status in ('trial', 'active') from ragdz.tenants t where t.tenant_id = w.tenant_id), true)
    ),
    chosen as materialized (
        select f.tenant_id, f.id from first f order by f.turn, f.due_at limit least(greatest(wanted, 0), 1000)
    ),
    free as materialized (
        select i.tenant_id, i.id
        from ragdz.ingests i join chosen c on c.tenant_id = i.tenant_id and c.id = i.id
        where i.state in (1, 2) and i.due_at <= clock_timestamp()
        for update of i skip locked
    )
    update ragdz.ingests i
    set state = 2,
        losses = i.losses + (i.state = 2)::integer,
        attempts = i.attempts + 1,
        lease_owner = owner,
        lease_epoch = i.lease_epoch + 1,
        due_at = clock_timestamp() + lease_micros * interval '1 microsecond',
        update_time = clock_timestamp()
    from free
    where i.tenant_id = free.tenant_id and i.id = free.id
    returning i.tenant_id, i.id, i.lease_epoch
$$;
alter function ragdz.claim_due_ingests(uuid, text[], integer, bigint) owner to ragdz_definer;
alter function ragdz.claim_due_ingests(uuid, text[], integer, bigint) set plan_cache_mode = auto;
revoke all on function ragdz.claim_due_ingests(uuid, text[], integer, bigint) from public;
grant execute on function ragdz.claim_due_ingests(uuid, text[], integer, bigint) to ragdz_app;

drop function ragdz.search_chunks(
    public.halfvec, text[], integer[], double precision[], text, text, uuid[], text[], uuid[], text, jsonb, text, boolean,
    integer, integer, double precision, double precision, double precision);

-- Hybrid search in one round trip; see 0004 for why it runs as ragdz_definer with the tenant hard-wired. New: vectors are those of
-- one model, by its key, and collections of other models may be left out.
--
-- What the caller may see is a list of shelves, made once; nothing below looks at another one. Filters make a list of
-- documents: `filter_path` is a jsonpath made of fixed pieces, and every value in it is a variable of `filter_values`.
--
-- Dense leg: cosine similarity over all vectors in scope, or the index of the tenant's own partition; when that gives fewer than
-- asked for, all are compared after all. Lexical leg: for each term of the query, idf over the chunks in scope x a saturating
-- term frequency x the worth of the reading that matched, damped for long chunks. Each leg gives its best candidates; their
-- score is
--     similarity + lexical_weight x coverage^1.5 + rank_weight x relevance / best relevance
-- where coverage is the share of the query's idf that the chunk holds. A chunk in another language than the query cannot
-- share words that the caller knows no other name for, so it gets foreign_coverage x (lexical_weight + rank_weight) at least.
--
-- The first row is no chunk (place 0): it says which version of the corpus was searched, and how. When that is the version which
-- the caller knows already, it is the only row.
create function ragdz.search_chunks(
    query_vector public.halfvec,
    -- Parallel arrays: a lexeme, the number of the term that it reads, and how much a match of that reading counts.
    query_lexemes text[],
    query_terms integer[],
    query_weights double precision[],
    query_language text,
    -- Vectors of other models are not compared with the query's.
    query_model text,
    -- Collections of these models are left out: the caller searches them with calls of their own, which are for them alone.
    left_out text[],
    only_model boolean,
    -- NULL: all.
    in_collections uuid[],
    in_languages text[],
    in_documents uuid[],
    filter_path text,
    filter_values jsonb,
    known_version text,
    -- Beside the tenant's own: what is shared with it.
    with_shared boolean,
    candidates integer,
    result_limit integer,
    lexical_weight double precision,
    rank_weight double precision,
    foreign_coverage double precision
) returns table (
    place integer, corpus_version text, plan text, shared boolean,
    chunk_id uuid, document_id uuid, collection_id uuid, title text, title_path text, language text, content text,
    page integer, start_at bigint, end_at bigint, utf16_start bigint, score double precision, dense_rank integer,
    lexical_rank integer, similarity double precision, coverage double precision, relevance double precision,
    -- In the first row: those of `left_out` that there is something of.
    other_models text[]
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set jit = off
as $$
#variable_conflict use_column
declare
    tenant constant uuid := ragdz.current_tenant();
    vectors_key constant bigint := ragdz.model_key(query_model, public.vector_dims(query_vector));
    corpora uuid[];
    corpus uuid;
    shelves uuid[];
    dense_shelves uuid[];
    other_shelves uuid[];
    all_shelves boolean;
    all_dense boolean;
    scope_chunks double precision;
    documents uuid[];
    own record;
    conditions text;
    more_ids uuid[];
    more_distances double precision[];
    dense_ids uuid[] := '{}';
    dense_distances double precision[] := '{}';
    lexical_ids uuid[];
    lexical_covered double precision[];
    lexical_relevance double precision[];
    beside_ids uuid[] := '{}';
    beside_distances double precision[] := '{}';
begin
    if tenant is null then
        return;
    end if;
    corpora := array[tenant] || case when with_shared then ragdz.shared_corpora() else '{}' end;
    place := 0;
    plan := 'exact';
    select coalesce(array_agg(s.id) filter (where s.visible), '{}'),
        coalesce(array_agg(s.id) filter (where s.visible and s.embedding_model = query_model), '{}'),
        coalesce(array_agg(s.id) filter (where s.visible and s.embedding_model <> query_model), '{}'),
        coalesce(bool_and(s.visible), true), coalesce(bool_and(s.visible and s.embedding_model = query_model), true),
        coalesce(sum(s.chunk_count) filter (where s.visible), 0),
        format('%s.%s.%s', count(*) filter (where s.visible), sum(s.version) filter (where s.visible),
            sum(uuid_hash_extended(s.id, s.version)) filter (where s.visible)),
        array_agg(distinct s.embedding_model) filter (where s.allowed and s.embedding_model = any (left_out))
    into shelves, dense_shelves, other_shelves, all_shelves, all_dense, scope_chunks, corpus_version, other_models
    from (
        select a.*, a.allowed and (
            a.embedding_model = query_model or not only_model and a.embedding_model <> all (left_out)) as visible
        from (
        select s.id, s.version, s.chunk_count, c.embedding_model,
            (in_collections is null or c.id = any (in_collections))
                and case when s.tenant_id = tenant then ragdz.may_see(s.groups) and ragdz.may_see(c.groups)
                    else s.groups = '{}' and c.groups = '{}' end as allowed
        from ragdz.shelves s
        join ragdz.collections c on c.tenant_id = s.tenant_id and c.id = s.collection_id
        where s.tenant_id = any (corpora)
        ) a
    ) s;
    if corpus_version = known_version then
        plan := 'known';
        return next;
        return;
    end if;
    if filter_path is not null or in_documents is not null then
        select coalesce(array_agg(d.id), '{}') into documents
        from ragdz.documents d
        where d.tenant_id = any (corpora) and d.shelf_id = any (shelves)
            and (in_documents is null or d.id = any (in_documents))
            and (filter_path is null or jsonb_path_match(d.attributes, filter_path::jsonpath, filter_values, true));
    end if;

    with asked as materialized (
        select q.term, q.weight, max(q.weight) over (partition by q.term) as best, q.lexeme as word,
            ('''' || replace(q.lexeme, '''', '''''') || '''')::tsquery as lexeme
        from unnest(query_lexemes, query_terms, query_weights) as q (lexeme, term, weight)
    ),
    matched as materialized (
        -- The inner query ranks before anything is sorted, so that no tsvector is carried along.
        -- A chunk that holds several parts of a meaning holds their sum of it, and never more than the whole.
        select f.id, f.term, max(f.lexeme_count) as lexeme_count, least(max(f.best), sum(f.weight)) as credit,
            max(f.frequency) * least(max(f.best), sum(f.weight)) / max(f.weight) as frequency
        from (
            select c.id, a.term, c.lexeme_count, a.weight, a.best,
                a.weight * ts_rank('{0.5,0.5,0.5,1}'::real[], c.lexemes, a.lexeme) as frequency
            from asked a
            cross join unnest(corpora) k (tenant)
            -- "is true": the keys are the tenant's own already, and an index of all its chunks beside them only costs.
            join ragdz.chunks c on (c.tenant_id = k.tenant) is true and c.lexemes @@ a.lexeme
                and ragdz.lexeme_keys(c.tenant_id, c.lexemes)
                    @> array[hashtextextended(a.word, uuid_hash_extended(k.tenant, 0))]
                and (all_shelves or c.shelf_id in (select unnest(shelves)))
                and (documents is null or c.document_id in (select unnest(documents)))
                and (in_languages is null or c.language = any (in_languages))
            offset 0
        ) f
        group by f.id, f.term
    ),
    terms as materialized (
        -- A chunk that holds half of a term's meaning counts half as one that holds the term.
        select t.term, t.best,
            ln(1 + (greatest(scope_chunks, m.holders) - m.holders + 0.5) / (m.holders + 0.5)) as idf
        from (select a.term, max(a.weight) as best from asked a group by a.term) t
        left join lateral (
            select coalesce(sum(h.credit / t.best), 0) as holders from matched h where h.term = t.term
        ) m on true
    ),
    lexical as (
        select m.id,
            sum(t.idf * m.frequency) / (0.7 + 0.3 * m.lexeme_count / avg(m.lexeme_count) over ()) as relevance,
            sum(t.idf * m.credit / t.best) / nullif((select sum(every.idf) from terms every), 0) as covered
        from matched m join terms t on t.term = m.term
        group by m.id, m.lexeme_count
        order by 2 desc, m.id
        limit candidates
    )
    select coalesce(array_agg(l.id order by l.relevance desc, l.id), '{}'), array_agg(l.covered order by l.relevance desc, l.id),
        array_agg(l.relevance order by l.relevance desc, l.id)
    into lexical_ids, lexical_covered, lexical_relevance
    from lexical l;

    -- Statements of fixed pieces, planned for the values that they get: which index serves depends on these.
    conditions := ' where v.tenant_id = $2 and v.model_key = $3'
        || case when all_dense then '' else ' and v.shelf_id = any ($4)' end
        || case when in_languages is null then '' else ' and v.language = any ($5)' end
        || case when documents is null then '' else ' and v.document_id = any ($6)' end;
    foreach corpus in array corpora loop
        select h.home, h.state = 'ready' as indexed into own
        from ragdz.vector_homes h where h.tenant_id = corpus and h.model_key = vectors_key;
        more_ids := null;
        if own.indexed then
            plan := 'hnsw';
            perform set_config('hnsw.iterative_scan', 'strict_order', true), set_config('hnsw.ef_search', '200', true);
            execute format(
                'select array_agg(n.chunk_id), array_agg(n.distance) from ('
                '(select v.chunk_id, (v.embedding::public.halfvec(%1$s)) operator(public.<=>) $1::public.halfvec(%1$s) as distance '
                'from ragdz.chunk_vectors v %2$s and v.home = %3$s and v.dimension = %1$s order by 2 limit $7) union all '
                '(select v.chunk_id, v.embedding operator(public.<=>) $1 '
                'from ragdz.chunk_vectors v %2$s and v.home = 0 order by 2, 1 limit $7)) n',
                public.vector_dims(query_vector), conditions, own.home)
            into more_ids, more_distances
            using query_vector, corpus, vectors_key, dense_shelves, in_languages, documents, candidates;
            if coalesce(cardinality(more_ids), 0) < candidates then
                plan := 'hnsw, then exact';
                more_ids := null;
            end if;
        end if;
        if more_ids is null then
            execute format(
                'select array_agg(n.chunk_id), array_agg(n.distance) from (select v.chunk_id, '
                'v.embedding operator(public.<=>) $1 as distance '
                'from ragdz.chunk_vectors v %s and v.home in (0, %s) order by 2, 1 limit $7) n',
                conditions, coalesce(own.home, 0))
            into more_ids, more_distances
            using query_vector, corpus, vectors_key, dense_shelves, in_languages, documents, candidates;
        end if;
        dense_ids := dense_ids || more_ids;
        dense_distances := dense_distances || more_distances;
        -- What only the words found has a similarity too.
        execute format(
            'select array_agg(v.chunk_id), array_agg(v.embedding operator(public.<=>) $1) '
            'from ragdz.chunk_vectors v where v.tenant_id = $2 and v.chunk_id = any ($3) and v.model_key = $4 '
            'and v.home in (0, %s) and v.shelf_id = any ($5)', coalesce(own.home, 0))
        into more_ids, more_distances
        using query_vector, corpus,
            array(select l.id from unnest(lexical_ids) l (id) where l.id <> all (dense_ids)),
            vectors_key, dense_shelves;
        beside_ids := beside_ids || more_ids;
        beside_distances := beside_distances || more_distances;
    end loop;

    return next;
    return query
    with dense as materialized (
        select n.id, n.distance, row_number() over (order by n.distance, n.id)::integer as place
        from unnest(dense_ids, dense_distances) n (id, distance)
        order by n.distance, n.id
        limit candidates
    ),
    lexical as materialized (
        select l.id, l.covered, l.relevance, l.place::integer as place,
            l.relevance / nullif(max(l.relevance) over (), 0) as strength
        from unnest(lexical_ids, lexical_covered, lexical_relevance) with ordinality l (id, covered, relevance, place)
    ),
    -- Where vectors are of another model and no word matches, there is still something to show, and it is shown last.
    unranked as materialized (
        select c.id
        from ragdz.chunks c
        where c.tenant_id = any (corpora) and c.shelf_id in (select unnest(other_shelves))
            and (documents is null or c.document_id in (select unnest(documents)))
            and (in_languages is null or c.language = any (in_languages))
        order by c.id
        limit case when cardinality(other_shelves) = 0 then 0 else result_limit end
    ),
    fused as (
        select coalesce(d.id, l.id, u.id) as id, d.place as dense_place, l.place as lexical_place, l.covered, l.relevance, l.strength,
            1 - coalesce(d.distance, b.distance) as similarity
        from dense d full join lexical l on l.id = d.id full join unranked u on u.id = coalesce(d.id, l.id)
        left join unnest(beside_ids, beside_distances) b (id, distance) on b.id = l.id
    ),
    scored as (
        select f.*, c.tenant_id, c.document_id, c.collection_id, c.title_path, c.language, c.content, c.page, c.start_at,
            c.end_at, c.utf16_start,
            coalesce(f.similarity, 0) + greatest(
                lexical_weight * power(coalesce(f.covered, 0), 1.5)
                    + rank_weight * coalesce(f.strength, 0),
                case when c.language = query_language or 'und' in (c.language, query_language) then 0
                    else foreign_coverage * (lexical_weight + rank_weight) end) as points
        from fused f
        join ragdz.chunks c on c.tenant_id = any (corpora) and c.id = f.id
    ),
    best as (
        select *, row_number() over (order by points desc, scored.id)::integer as place
        from scored order by points desc, scored.id limit result_limit
    )
    select b.place, '', '', b.tenant_id <> tenant, b.id, b.document_id, b.collection_id, d.title, b.title_path, b.language, b.content, b.page,
        b.start_at, b.end_at, b.utf16_start, b.points, coalesce(b.dense_place, 0), coalesce(b.lexical_place, 0),
        coalesce(b.similarity, 0), coalesce(b.covered, 0), coalesce(b.relevance, 0), null::text[]
    from best b
    join ragdz.documents d on d.tenant_id = b.tenant_id and d.id = b.document_id
    order by b.place;
end
$$;

alter function ragdz.search_chunks owner to ragdz_definer;
alter function ragdz.search_chunks set plan_cache_mode = auto;
revoke all on function ragdz.search_chunks from public;
grant execute on function ragdz.search_chunks to ragdz_app;
