-- What documents are about, who may see them, and a search that knows both.
--
-- A document or a collection may be limited to groups; the caller's groups are a setting of the transaction, as its tenant is.
-- Documents of one collection and one set of groups stand on one shelf: a search asks shelves, not rows, what it may see, and
-- a shelf's version changes with whatever a search could find on it.

-- The groups of this transaction; none when nobody has set any, so that what is forgotten sees too little and not too much.
create function ragdz.current_groups() returns text[]
language sql stable parallel safe
return coalesce(nullif(current_setting('ragdz.groups', true), ''), '{}')::text[];

-- Whether the caller may see what is limited to these groups; no groups: everybody of the tenant may.
create function ragdz.may_see(groups text[]) returns boolean
language sql stable parallel safe
return groups = '{}' or groups && ragdz.current_groups() or '*' = any (ragdz.current_groups());

-- The owner has to see the rows that it completes; it is bound again at the end.
alter table ragdz.collections no force row level security;
alter table ragdz.documents no force row level security;
alter table ragdz.chunks no force row level security;
alter table ragdz.chunk_vectors no force row level security;

alter table ragdz.collections
    add column groups text[] not null default '{}' check (
        cardinality(groups) <= 16
        and array_to_string(groups, ',') ~ '^([a-z0-9][a-z0-9_-]{0,62}(,[a-z0-9][a-z0-9_-]{0,62})*)?$');
-- Somebody who cannot see a collection must not learn of it by its name being taken.
alter table ragdz.collections drop constraint collections_tenant_id_name_key;
alter table ragdz.collections add constraint collections_name unique (tenant_id, name, groups);

create sequence ragdz.corpus_versions;
grant usage on sequence ragdz.corpus_versions to ragdz_definer;

create table ragdz.shelves (
    tenant_id uuid not null,
    id uuid not null default gen_random_uuid(),
    collection_id uuid not null,
    groups text[] not null,
    document_count bigint not null default 0,
    chunk_count bigint not null default 0,
    version bigint not null default nextval('ragdz.corpus_versions'),
    primary key (tenant_id, id),
    unique (tenant_id, collection_id, groups),
    foreign key (tenant_id, collection_id) references ragdz.collections (tenant_id, id) on delete cascade
);

insert into ragdz.shelves (tenant_id, collection_id, groups, document_count, chunk_count)
select d.tenant_id, d.collection_id, '{}', count(*), sum(d.chunk_count)
from ragdz.documents d
group by d.tenant_id, d.collection_id;

alter table ragdz.documents
    add column groups text[] not null default '{}' check (
        cardinality(groups) <= 16
        and array_to_string(groups, ',') ~ '^([a-z0-9][a-z0-9_-]{0,62}(,[a-z0-9][a-z0-9_-]{0,62})*)?$'),
    -- ISO 3166 alpha-2, or empty.
    add column country text not null default '' check (country ~ '^([A-Z]{2})?$'),
    add column theme text not null default '' check (char_length(theme) <= 100),
    -- Who has published it, such as JORADP.
    add column source text not null default '' check (char_length(source) <= 100),
    add column official boolean not null default false,
    -- When what it says was said: a law's date, a letter's date.
    add column document_time timestamptz,
    add column tags text[] not null default '{}' check (cardinality(tags) <= 32),
    add column update_time timestamptz,
    -- What filters look at; the trigger keeps it.
    add column attributes jsonb not null default '{}',
    add column shelf_id uuid;

alter table ragdz.documents drop constraint documents_tenant_id_collection_id_sha256_key;
alter table ragdz.documents add constraint documents_sha256 unique (tenant_id, collection_id, sha256, groups);

create function ragdz.place_document() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    select s.id into new.shelf_id
    from ragdz.shelves s
    where s.tenant_id = new.tenant_id and s.collection_id = new.collection_id and s.groups = new.groups;
    if not found then
        insert into ragdz.shelves as s (tenant_id, collection_id, groups)
        values (new.tenant_id, new.collection_id, new.groups)
        on conflict (tenant_id, collection_id, groups) do update set version = s.version
        returning s.id into new.shelf_id;
    end if;
    new.attributes := jsonb_strip_nulls(jsonb_build_object(
        'document', new.id, 'collection', new.collection_id, 'language', new.language, 'country', new.country,
        'theme', new.theme, 'source', new.source, 'official', new.official, 'tags', to_jsonb(new.tags),
        'created', (extract(epoch from new.create_time) * 1000000)::bigint,
        'date', (extract(epoch from new.document_time) * 1000000)::bigint));
    return new;
end
$$;

-- Shelves count what stands on them, and get a new version, within the transaction that changes something.
create function ragdz.count_shelves() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op = 'INSERT' then
        update ragdz.shelves s
        set document_count = s.document_count + m.documents, chunk_count = s.chunk_count + m.chunks,
            version = nextval('ragdz.corpus_versions')
        from (
            select tenant_id, shelf_id, count(*) as documents, sum(chunk_count) as chunks
            from made group by tenant_id, shelf_id
        ) m
        where s.tenant_id = m.tenant_id and s.id = m.shelf_id;
    elsif tg_op = 'DELETE' then
        update ragdz.shelves s
        set document_count = s.document_count - m.documents, chunk_count = s.chunk_count - m.chunks,
            version = nextval('ragdz.corpus_versions')
        from (
            select tenant_id, shelf_id, count(*) as documents, sum(chunk_count) as chunks
            from gone group by tenant_id, shelf_id
        ) m
        where s.tenant_id = m.tenant_id and s.id = m.shelf_id;
    else
        -- In one order, so that two transactions cannot wait for each other.
        perform from ragdz.shelves s
        where (s.tenant_id, s.id) in (
            select tenant_id, shelf_id from gone union select tenant_id, shelf_id from made)
        order by s.tenant_id, s.id
        for update;
        update ragdz.shelves s
        set document_count = s.document_count + m.documents, chunk_count = s.chunk_count + m.chunks,
            version = nextval('ragdz.corpus_versions')
        from (
            select c.tenant_id, c.shelf_id, sum(c.documents) as documents, sum(c.chunks) as chunks
            from (
                select tenant_id, shelf_id, 1 as documents, chunk_count as chunks from made
                union all
                select tenant_id, shelf_id, -1, -chunk_count from gone
            ) c
            group by c.tenant_id, c.shelf_id
        ) m
        where s.tenant_id = m.tenant_id and s.id = m.shelf_id;
        update ragdz.chunks c set shelf_id = m.shelf_id
        from made m join gone g on g.tenant_id = m.tenant_id and g.id = m.id and g.shelf_id <> m.shelf_id
        where c.tenant_id = m.tenant_id and c.document_id = m.id;
        update ragdz.chunk_vectors v set shelf_id = m.shelf_id
        from made m join gone g on g.tenant_id = m.tenant_id and g.id = m.id and g.shelf_id <> m.shelf_id
        where v.tenant_id = m.tenant_id and v.document_id = m.id;
    end if;
    return null;
end
$$;

-- Chunks and vectors say on which shelf they stand, so that a search never looks at one that the caller may not see.
alter table ragdz.chunks add column shelf_id uuid;
-- Every match is ranked by its lexemes, and few are shown: the lexemes stay in the row, and the text gives way.
alter table ragdz.chunks alter column lexemes set storage main;

-- The words of a chunk under keys of its tenant: an index of words alone would read, for each word of a query, the entries of
-- all tenants, and would show in its latency how often others use the word. No list of pending entries: every search would
-- read it.
create function ragdz.lexeme_keys(tenant uuid, lexemes tsvector) returns bigint[]
language sql immutable parallel safe
return array(
    select hashtextextended(l, uuid_hash_extended(tenant, 0)) from unnest(tsvector_to_array(lexemes)) l);
create index chunks_by_key on ragdz.chunks using gin (ragdz.lexeme_keys(tenant_id, lexemes)) with (fastupdate = off);
drop index ragdz.chunks_by_lexeme;

-- A tenant that outgrows the exact scan moves to a partition of its own, whose index holds nothing else: an index that
-- tenants share loses rows and shows other tenants' density in its latency. Home 0 is everybody's.
alter table ragdz.chunk_vectors rename to chunk_vectors_before;
create table ragdz.chunk_vectors (
    tenant_id uuid not null,
    chunk_id uuid not null,
    collection_id uuid not null,
    document_id uuid not null,
    shelf_id uuid not null,
    language text not null,
    embedding public.halfvec not null,
    -- A vector of another dimension than its collection's cannot be stored.
    dimension integer not null generated always as (public.vector_dims(embedding)) stored,
    home integer not null default 0,
    primary key (tenant_id, chunk_id, home),
    foreign key (tenant_id, chunk_id) references ragdz.chunks (tenant_id, id) on delete cascade,
    foreign key (tenant_id, collection_id, dimension)
        references ragdz.collections (tenant_id, id, embedding_dimension) on delete cascade
) partition by list (home);
-- In the row itself rather than in a side table: the scan reads every vector.
alter table ragdz.chunk_vectors alter column embedding set storage plain;
create table ragdz.chunk_vectors_0 partition of ragdz.chunk_vectors for values in (0);
alter table ragdz.chunk_vectors_0 alter column embedding set storage plain;

update ragdz.documents d
set attributes = '{}', shelf_id = s.id
from ragdz.shelves s
where s.tenant_id = d.tenant_id and s.collection_id = d.collection_id;
update ragdz.chunks c
set shelf_id = d.shelf_id
from ragdz.documents d
where d.tenant_id = c.tenant_id and d.id = c.document_id;
insert into ragdz.chunk_vectors (tenant_id, chunk_id, collection_id, document_id, shelf_id, language, embedding)
select v.tenant_id, v.chunk_id, v.collection_id, c.document_id, c.shelf_id, v.language, v.embedding
from ragdz.chunk_vectors_before v
join ragdz.chunks c on c.tenant_id = v.tenant_id and c.id = v.chunk_id;
drop table ragdz.chunk_vectors_before;

create index chunk_vectors_by_shelf on ragdz.chunk_vectors (tenant_id, shelf_id);
create index chunk_vectors_by_document on ragdz.chunk_vectors (tenant_id, document_id);
create index chunk_vectors_by_collection on ragdz.chunk_vectors (tenant_id, collection_id);
alter table ragdz.documents alter column shelf_id set not null;
alter table ragdz.documents add foreign key (tenant_id, shelf_id) references ragdz.shelves (tenant_id, id);
create index documents_by_shelf on ragdz.documents (tenant_id, shelf_id);
alter table ragdz.chunks alter column shelf_id set not null;

create trigger documents_place before insert or update on ragdz.documents
    for each row execute function ragdz.place_document();
create trigger shelves_filled after insert on ragdz.documents
    referencing new table as made for each statement execute function ragdz.count_shelves();
create trigger shelves_emptied after delete on ragdz.documents
    referencing old table as gone for each statement execute function ragdz.count_shelves();
create trigger shelves_changed after update on ragdz.documents
    referencing old table as gone new table as made for each statement execute function ragdz.count_shelves();
update ragdz.documents set update_time = null;
alter table ragdz.collections force row level security;
alter table ragdz.documents force row level security;
alter table ragdz.chunks force row level security;

-- Who stores a chunk or a vector need not know of shelves: they are the document's.
create function ragdz.place_chunk() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    select d.shelf_id into new.shelf_id
    from ragdz.documents d where d.tenant_id = new.tenant_id and d.id = new.document_id;
    return new;
end
$$;
create function ragdz.place_vector() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    select c.document_id, c.shelf_id into new.document_id, new.shelf_id
    from ragdz.chunks c where c.tenant_id = new.tenant_id and c.id = new.chunk_id;
    return new;
end
$$;
create trigger chunks_place before insert on ragdz.chunks
    for each row when (new.shelf_id is null) execute function ragdz.place_chunk();
create trigger chunk_vectors_place before insert on ragdz.chunk_vectors
    for each row when (new.shelf_id is null or new.document_id is null) execute function ragdz.place_vector();
alter function ragdz.place_chunk() owner to ragdz_definer;
alter function ragdz.place_vector() owner to ragdz_definer;
revoke all on function ragdz.place_chunk(), ragdz.place_vector() from public;

alter function ragdz.place_document() owner to ragdz_definer;
alter function ragdz.count_shelves() owner to ragdz_definer;
revoke all on function ragdz.place_document(), ragdz.count_shelves() from public;
grant select, insert, update on ragdz.shelves to ragdz_definer;
grant update (shelf_id) on ragdz.chunks, ragdz.chunk_vectors to ragdz_definer;

-- Where a tenant's vectors are when they are not in home 0 alone. moving: rows are on their way, and every search compares all;
-- ready: the home's index serves, and what still comes into home 0 is compared beside it.
create table ragdz.vector_homes (
    tenant_id uuid not null primary key,
    home integer not null unique check (home > 0),
    dimension integer not null,
    state text not null check (state in ('moving', 'ready')),
    update_time timestamptz not null default clock_timestamp()
);

-- Homes that have a partition with an index for vectors of one dimension. They are made ahead of need, while they are empty, so
-- that a tenant's move is nothing but updates: no lock, no index that is built while others wait.
create table ragdz.vector_home_stock (
    home integer primary key check (home > 0),
    dimension integer not null check (dimension between 1 and 4000),
    taken boolean not null default false
);

-- Sees to it that so many homes for the dimension are in stock. For the owner, when it migrates.
create function ragdz.stock_vector_homes(wanted integer, vectors_of integer) returns integer
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    number integer;
    made integer := 0;
begin
    -- Whoever migrates: what is made belongs to the schema's owner.
    perform set_config('role', 'ragdz_owner', true);
    -- A new partition's foreign keys want a moment without writers: rather none than that all wait behind a long one.
    perform set_config('lock_timeout', '2s', true);
    lock table ragdz.vector_home_stock in share row exclusive mode;
    while wanted > (
        select count(*) from ragdz.vector_home_stock s
        where s.dimension = vectors_of and not s.taken
    ) loop
        select coalesce(max(s.home), 0) + 1 into number from ragdz.vector_home_stock s;
        execute format('create table ragdz.chunk_vectors_%s (like ragdz.chunk_vectors including generated including storage '
            'including constraints)', number);
        execute format('alter table ragdz.chunk_vectors_%s enable row level security, force row level security', number);
        execute format('create policy tenant on ragdz.chunk_vectors_%s for all to ragdz_app '
            'using (tenant_id = ragdz.current_tenant()) with check (tenant_id = ragdz.current_tenant())', number);
        execute format('create index on ragdz.chunk_vectors_%1$s using hnsw '
            '((embedding::public.halfvec(%2$s)) public.halfvec_cosine_ops) where dimension = %2$s', number, vectors_of);
        execute format(
            'alter table ragdz.chunk_vectors attach partition ragdz.chunk_vectors_%1$s for values in (%1$s)', number);
        insert into ragdz.vector_home_stock (home, dimension) values (number, vectors_of);
        made := made + 1;
    end loop;
    return made;
end
$$;
revoke all on function ragdz.stock_vector_homes(integer, integer) from public;

-- One step of moving tenants to homes of their own: up to `at_most` vectors of one tenant, in a short transaction. Says how many
-- it moved and whom; no row when there is nothing to do. Any process may call it at any time: what one leaves the next goes on
-- with.
create function ragdz.move_vectors(threshold bigint, at_most integer)
returns table (tenant_id uuid, home integer, moved bigint, ready boolean)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    own record;
begin
    select h.tenant_id, h.home, h.state into own
    from ragdz.vector_homes h
    where h.state = 'moving'
        or exists (select from ragdz.chunk_vectors v where v.home = 0 and v.tenant_id = h.tenant_id and v.dimension = h.dimension)
    order by h.state, h.tenant_id
    limit 1
    for update skip locked;
    if not found then
        -- The homes of tenants that were erased.
        update ragdz.vector_home_stock k set taken = false
        where k.taken and not exists (select from ragdz.vector_homes h where h.home = k.home);
        insert into ragdz.vector_homes as h (tenant_id, home, dimension, state)
        select large.tenant_id, stock.home, large.dimension, 'moving'
        from (
            select s.tenant_id, c.embedding_dimension as dimension
            from ragdz.shelves s
            join ragdz.collections c on c.tenant_id = s.tenant_id and c.id = s.collection_id
            where not exists (select from ragdz.vector_homes h where h.tenant_id = s.tenant_id)
            group by s.tenant_id, c.embedding_dimension
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
        returning h.tenant_id, h.home, h.state into own;
        if not found then
            return;
        end if;
        update ragdz.vector_home_stock k set taken = true where k.home = own.home;
    end if;
    update ragdz.chunk_vectors v set home = own.home
    where v.home = 0 and v.tenant_id = own.tenant_id and v.chunk_id in (
        select w.chunk_id from ragdz.chunk_vectors w
        where w.home = 0 and w.tenant_id = own.tenant_id
            and w.dimension = (select h.dimension from ragdz.vector_homes h where h.tenant_id = own.tenant_id)
        limit at_most
        for update skip locked);
    get diagnostics moved = row_count;
    ready := own.state = 'ready';
    if moved = 0 and not ready then
        update ragdz.vector_homes h set state = 'ready', update_time = clock_timestamp() where h.tenant_id = own.tenant_id;
        ready := true;
    end if;
    tenant_id := own.tenant_id;
    home := own.home;
    return next;
end
$$;
alter function ragdz.move_vectors(bigint, integer) owner to ragdz_definer;
revoke all on function ragdz.move_vectors(bigint, integer) from public;
grant execute on function ragdz.move_vectors(bigint, integer) to ragdz_app;
grant select, insert, update on ragdz.vector_homes to ragdz_definer;
grant update (home) on ragdz.chunk_vectors to ragdz_definer;
grant select, update (taken) on ragdz.vector_home_stock to ragdz_definer;
revoke delete on ragdz.vector_home_stock from ragdz_definer;

-- Another embedding model finds other things.
create function ragdz.renew_shelves() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    update ragdz.shelves s set version = nextval('ragdz.corpus_versions')
    where s.tenant_id = new.tenant_id and s.collection_id = new.id;
    return null;
end
$$;
alter function ragdz.renew_shelves() owner to ragdz_definer;
revoke all on function ragdz.renew_shelves() from public;
create trigger collections_renew after update of embedding_model, embedding_dimension on ragdz.collections
    for each row execute function ragdz.renew_shelves();

do $$
declare
    target text;
begin
    foreach target in array array['shelves', 'chunk_vectors', 'chunk_vectors_0', 'vector_homes'] loop
        execute format('alter table ragdz.%I enable row level security', target);
        execute format('alter table ragdz.%I force row level security', target);
        execute format(
            'create policy tenant on ragdz.%I for all to ragdz_app '
            'using (tenant_id = ragdz.current_tenant()) with check (tenant_id = ragdz.current_tenant())', target);
    end loop;
end
$$;
grant select on ragdz.shelves, ragdz.vector_homes to ragdz_app;
grant select, insert, update, delete on ragdz.chunk_vectors to ragdz_app;

-- Beside the tenant: what is limited to groups is there for these groups only.
create policy groups on ragdz.collections as restrictive for all to ragdz_app
    using (ragdz.may_see(groups)) with check (ragdz.may_see(groups));
create policy groups on ragdz.shelves as restrictive for all to ragdz_app
    using (ragdz.may_see(groups) and exists (
        select from ragdz.collections c where c.tenant_id = shelves.tenant_id and c.id = shelves.collection_id))
    with check (false);
create policy groups on ragdz.documents as restrictive for all to ragdz_app
    using (ragdz.may_see(groups) and exists (
        select from ragdz.collections c where c.tenant_id = documents.tenant_id and c.id = documents.collection_id))
    with check (ragdz.may_see(groups) and exists (
        select from ragdz.collections c where c.tenant_id = documents.tenant_id and c.id = documents.collection_id));
create policy groups on ragdz.chunks as restrictive for all to ragdz_app
    using (exists (select from ragdz.documents d where d.tenant_id = chunks.tenant_id and d.id = chunks.document_id))
    with check (
        exists (select from ragdz.documents d where d.tenant_id = chunks.tenant_id and d.id = chunks.document_id));
create policy groups on ragdz.chunk_vectors as restrictive for all to ragdz_app
    using (exists (
        select from ragdz.documents d where d.tenant_id = chunk_vectors.tenant_id and d.id = chunk_vectors.document_id))
    with check (exists (
        select from ragdz.documents d where d.tenant_id = chunk_vectors.tenant_id and d.id = chunk_vectors.document_id));

-- Corpora that tenants share for reading: official texts of a country, or of all. Each is a tenant of the operators, whose keys
-- alone write to it; what others see of it is what is limited to no group.
create table ragdz.shared_corpora (
    tenant_id uuid not null primary key references ragdz.tenants (tenant_id) on delete cascade,
    -- The region of the tenants that read it; empty: every tenant does.
    country text not null check (country ~ '^([A-Z]{2})?$'),
    update_time timestamptz not null default clock_timestamp()
);
alter table ragdz.shared_corpora enable row level security;
alter table ragdz.shared_corpora force row level security;
create policy tenant on ragdz.shared_corpora for all to ragdz_app
    using (tenant_id = ragdz.current_tenant()) with check (tenant_id = ragdz.current_tenant());
create policy operator on ragdz.shared_corpora for all to ragdz_operator using (true) with check (true);
grant select, insert, update, delete on ragdz.shared_corpora to ragdz_operator;

-- Those that the tenant of this transaction reads, and no more of them than their ids.
create function ragdz.shared_corpora() returns uuid[]
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    select coalesce(array_agg(c.tenant_id order by c.tenant_id), '{}')
    from ragdz.shared_corpora c
    join ragdz.tenants own on own.tenant_id = ragdz.current_tenant() and own.tenant_id <> c.tenant_id
    join ragdz.tenants t on t.tenant_id = c.tenant_id and t.status in ('trial', 'active')
    where c.country in ('', own.region)
$$;
alter function ragdz.shared_corpora() owner to ragdz_definer;
revoke all on function ragdz.shared_corpora() from public;
grant execute on function ragdz.shared_corpora() to ragdz_app;

-- For reading alone, and only by the statements that ask for it: all others name their own tenant. Groups are a tenant's own: the
-- same name elsewhere gives no right, so what is limited to any group stays with its tenant.
create policy shared on ragdz.collections for select to ragdz_app
    using (groups = '{}' and tenant_id = any ((select ragdz.shared_corpora())::uuid[]));
create policy shared on ragdz.documents for select to ragdz_app
    using (groups = '{}' and tenant_id = any ((select ragdz.shared_corpora())::uuid[]));

drop function ragdz.search_chunks(
    public.halfvec, text[], integer[], double precision[], text, text, uuid[], text[], integer, integer,
    double precision, double precision, double precision);

-- Hybrid search in one round trip; see 0004 for why it runs as ragdz_definer with the tenant hard-wired.
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
    lexical_rank integer, similarity double precision, coverage double precision, relevance double precision
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set jit = off
as $$
#variable_conflict use_column
declare
    tenant constant uuid := ragdz.current_tenant();
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
            sum(uuid_hash_extended(s.id, s.version)) filter (where s.visible))
    into shelves, dense_shelves, other_shelves, all_shelves, all_dense, scope_chunks, corpus_version
    from (
        select s.id, s.version, s.chunk_count, c.embedding_model,
            (in_collections is null or c.id = any (in_collections))
                and case when s.tenant_id = tenant then ragdz.may_see(s.groups) and ragdz.may_see(c.groups)
                    else s.groups = '{}' and c.groups = '{}' end as visible
        from ragdz.shelves s
        join ragdz.collections c on c.tenant_id = s.tenant_id and c.id = s.collection_id
        where s.tenant_id = any (corpora)
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
    conditions := ' where v.tenant_id = $2 and v.dimension = $3'
        || case when all_dense then '' else ' and v.shelf_id = any ($4)' end
        || case when in_languages is null then '' else ' and v.language = any ($5)' end
        || case when documents is null then '' else ' and v.document_id = any ($6)' end;
    foreach corpus in array corpora loop
        select h.home, h.state = 'ready' and h.dimension = public.vector_dims(query_vector) as indexed into own
        from ragdz.vector_homes h where h.tenant_id = corpus;
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
            using query_vector, corpus, public.vector_dims(query_vector), dense_shelves, in_languages, documents, candidates;
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
            using query_vector, corpus, public.vector_dims(query_vector), dense_shelves, in_languages, documents, candidates;
        end if;
        dense_ids := dense_ids || more_ids;
        dense_distances := dense_distances || more_distances;
        -- What only the words found has a similarity too.
        execute format(
            'select array_agg(v.chunk_id), array_agg(v.embedding operator(public.<=>) $1) '
            'from ragdz.chunk_vectors v where v.tenant_id = $2 and v.chunk_id = any ($3) and v.dimension = $4 '
            'and v.home in (0, %s) and v.shelf_id = any ($5)', coalesce(own.home, 0))
        into more_ids, more_distances
        using query_vector, corpus,
            array(select l.id from unnest(lexical_ids) l (id) where l.id <> all (dense_ids)),
            public.vector_dims(query_vector), dense_shelves;
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
        coalesce(b.similarity, 0), coalesce(b.covered, 0), coalesce(b.relevance, 0)
    from best b
    join ragdz.documents d on d.tenant_id = b.tenant_id and d.id = b.document_id
    order by b.place;
end
$$;

alter function ragdz.search_chunks owner to ragdz_definer;
revoke all on function ragdz.search_chunks from public;
grant execute on function ragdz.search_chunks to ragdz_app;

-- For the embedding model that ships; `ragdzd` as the owner keeps more for the model that it runs.
select ragdz.stock_vector_homes(1, 512);
