-- Retrieval: collections, documents with their text, chunks with their lexemes, and vectors.
--
-- Vectors stand in a table of their own, because the dense search of a tenant is an exact scan of its vectors: a
-- compact table makes that 0.3 ms for 1,000 chunks and some 3 ms for 10,000. An approximate index shared by tenants
-- would lose rows under row-level security and show other tenants' density in its latency. A tenant that outgrows the
-- scan gets a partition with an index of its own; that comes with a later migration and changes no query.

create table ragdz.collections (
    tenant_id uuid not null,
    id uuid not null,
    name text not null check (char_length(name) between 1 and 100),
    embedding_model text not null,
    embedding_dimension integer not null check (embedding_dimension between 1 and 4000),
    document_count bigint not null default 0 check (document_count >= 0),
    chunk_count bigint not null default 0 check (chunk_count >= 0),
    create_time timestamptz not null default clock_timestamp(),
    primary key (tenant_id, id),
    unique (tenant_id, name),
    unique (tenant_id, id, embedding_dimension)
);

create table ragdz.documents (
    tenant_id uuid not null,
    id uuid not null,
    collection_id uuid not null,
    filename text not null,
    title text not null,
    media_type text not null,
    language text not null check (language in ('ar', 'fr', 'en', 'und')),
    byte_size bigint not null,
    -- Unicode scalars of the content.
    character_count bigint not null,
    page_count integer not null,
    -- For each page the scalar of the content at which it starts.
    page_starts bigint[] not null,
    -- Of the bytes as uploaded: the same bytes are stored once in a collection.
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    content text not null,
    chunk_count integer not null,
    create_time timestamptz not null default clock_timestamp(),
    primary key (tenant_id, id),
    unique (tenant_id, collection_id, sha256),
    foreign key (tenant_id, collection_id) references ragdz.collections (tenant_id, id) on delete cascade
);

create index documents_by_collection on ragdz.documents (tenant_id, collection_id, id);

create table ragdz.chunks (
    tenant_id uuid not null,
    id uuid not null,
    collection_id uuid not null,
    document_id uuid not null,
    -- Place in the document, from 0.
    ordinal integer not null,
    -- From 1; 0 when the document has no pages.
    page integer not null,
    -- The range of the document's content, in Unicode scalars, end exclusive.
    start_at bigint not null,
    end_at bigint not null check (end_at > start_at),
    -- The start in UTF-16 code units, so that a citation for JavaScript needs no look at the text before it.
    utf16_start bigint not null,
    language text not null check (language in ('ar', 'fr', 'en', 'und')),
    title_path text not null,
    content text not null,
    -- Made by the Language room, never by to_tsvector: weight A is a word's main reading, D another one of it.
    lexemes tsvector not null,
    lexeme_count integer not null,
    primary key (tenant_id, id),
    unique (tenant_id, document_id, ordinal),
    foreign key (tenant_id, document_id) references ragdz.documents (tenant_id, id) on delete cascade
);

-- The tenant is part of the index, so that a search reads no entry of another one.
create index chunks_by_lexeme on ragdz.chunks using gin (tenant_id, lexemes);

create table ragdz.chunk_vectors (
    tenant_id uuid not null,
    chunk_id uuid not null,
    collection_id uuid not null,
    language text not null,
    embedding public.halfvec not null,
    -- A vector of another dimension than its collection's cannot be stored.
    dimension integer not null generated always as (public.vector_dims(embedding)) stored,
    primary key (tenant_id, chunk_id),
    foreign key (tenant_id, chunk_id) references ragdz.chunks (tenant_id, id) on delete cascade,
    foreign key (tenant_id, collection_id, dimension)
        references ragdz.collections (tenant_id, id, embedding_dimension) on delete cascade
);

-- In the row itself rather than in a side table: the scan reads every vector.
alter table ragdz.chunk_vectors alter column embedding set storage plain;
create index chunk_vectors_by_collection on ragdz.chunk_vectors (tenant_id, collection_id);

do $$
declare
    target text;
begin
    foreach target in array array['collections', 'documents', 'chunks', 'chunk_vectors'] loop
        execute format('alter table ragdz.%I enable row level security', target);
        execute format('alter table ragdz.%I force row level security', target);
        execute format(
            'create policy tenant on ragdz.%I for all to ragdz_app '
            'using (tenant_id = ragdz.current_tenant()) with check (tenant_id = ragdz.current_tenant())', target);
        execute format('grant select, insert, update, delete on ragdz.%I to ragdz_app', target);
        execute format('grant select on ragdz.%I to ragdz_definer', target);
    end loop;
end
$$;

-- Hybrid search in one round trip.
--
-- Row-level security would keep the GIN index from being used, because `@@` is not leakproof. So this runs as
-- ragdz_definer, which bypasses row-level security, and names the tenant itself: the one of this transaction. No
-- parameter can name another; without one there is no row.
--
-- Dense leg: cosine similarity over all vectors in scope. Lexical leg: for each term of the query, idf over the
-- tenant's chunks in scope x a saturating term frequency (ts_rank of one lexeme), damped for long chunks: BM25 in all
-- but name. Each leg gives its best candidates. Their score is the similarity plus a weight times the evidence of the
-- words: the share of the query's idf that the chunk covers. A chunk in another language than the query cannot share
-- its words, so it is given a usual share at least; otherwise the words would vote for whatever stands in the query's
-- language. (Reciprocal ranks were measured and lose: see docs/retrieval.md.)
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
    candidates integer,
    result_limit integer,
    lexical_weight double precision,
    foreign_coverage double precision
) returns table (
    chunk_id uuid, document_id uuid, collection_id uuid, title text, title_path text, language text, content text,
    page integer, start_at bigint, end_at bigint, utf16_start bigint, score double precision, dense_rank integer, lexical_rank integer,
    similarity double precision, coverage double precision
)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set jit = off
as $$
#variable_conflict use_column
declare
    tenant constant uuid := ragdz.current_tenant();
    scope_chunks double precision;
    dense_collections uuid[];
begin
    if tenant is null then
        return;
    end if;
    select coalesce(sum(c.chunk_count), 0), array_agg(c.id) filter (where c.embedding_model = query_model)
    into scope_chunks, dense_collections
    from ragdz.collections c
    where c.tenant_id = tenant and (in_collections is null or c.id = any (in_collections));
    return query
    with dense as materialized (
        select n.chunk_id, n.distance, row_number() over (order by n.distance, n.chunk_id)::integer as place
        from (
            select v.chunk_id, v.embedding operator(public.<=>) query_vector as distance
            from ragdz.chunk_vectors v
            where v.tenant_id = tenant and v.dimension = public.vector_dims(query_vector)
                and v.collection_id = any (dense_collections)
                and (in_languages is null or v.language = any (in_languages))
            order by v.embedding operator(public.<=>) query_vector, v.chunk_id
            limit candidates
        ) n
    ),
    asked as materialized (
        select q.term, q.weight, ('''' || replace(q.lexeme, '''', '''''') || '''')::tsquery as lexeme
        from unnest(query_lexemes, query_terms, query_weights) as q (lexeme, term, weight)
    ),
    matched as materialized (
        -- The inner query ranks before anything is sorted, so that no tsvector is carried along.
        select f.id, f.term, max(f.lexeme_count) as lexeme_count, max(f.frequency) as frequency
        from (
            select c.id, a.term, c.lexeme_count,
                a.weight * ts_rank('{0.5,0.5,0.5,1}'::real[], c.lexemes, a.lexeme) as frequency
            from asked a
            join ragdz.chunks c on c.tenant_id = tenant and c.lexemes @@ a.lexeme
                and (in_collections is null or c.collection_id = any (in_collections))
                and (in_languages is null or c.language = any (in_languages))
            offset 0
        ) f
        group by f.id, f.term
    ),
    terms as materialized (
        select t.term,
            ln(1 + (greatest(scope_chunks, count(m.id)) - count(m.id) + 0.5) / (count(m.id) + 0.5)) as idf
        from (select distinct a.term from asked a) t
        left join matched m on m.term = t.term
        group by t.term
    ),
    lexical as materialized (
        select r.id, r.covered, row_number() over (order by r.relevance desc, r.id)::integer as place
        from (
            select m.id,
                sum(t.idf * m.frequency) / (0.7 + 0.3 * m.lexeme_count / avg(m.lexeme_count) over ()) as relevance,
                sum(t.idf) / nullif((select sum(every.idf) from terms every), 0) as covered
            from matched m join terms t on t.term = m.term
            group by m.id, m.lexeme_count
            order by 2 desc, m.id
            limit candidates
        ) r
    ),
    fused as (
        select coalesce(d.chunk_id, l.id) as id, d.place as dense_place, l.place as lexical_place, l.covered
        from dense d full join lexical l on l.id = d.chunk_id
    ),
    scored as (
        select f.*, c.document_id, c.collection_id, c.title_path, c.language, c.content, c.page, c.start_at, c.end_at,
            c.utf16_start, n.similarity,
            coalesce(n.similarity, 0) + lexical_weight
            * case when c.language = query_language or 'und' in (c.language, query_language)
                then coalesce(f.covered, 0) else greatest(foreign_coverage, coalesce(f.covered, 0)) end as points
        from fused f
        join ragdz.chunks c on c.tenant_id = tenant and c.id = f.id
        left join lateral (
            select 1 - (v.embedding operator(public.<=>) query_vector) as similarity
            from ragdz.chunk_vectors v
            where v.tenant_id = tenant and v.chunk_id = f.id and v.collection_id = any (dense_collections)
                and v.dimension = public.vector_dims(query_vector)
        ) n on true
    ),
    best as (
        select * from scored order by points desc, scored.id limit result_limit
    )
    select b.id, b.document_id, b.collection_id, d.title, b.title_path, b.language, b.content, b.page, b.start_at,
        b.end_at, b.utf16_start, b.points, coalesce(b.dense_place, 0), coalesce(b.lexical_place, 0),
        coalesce(b.similarity, 0), coalesce(b.covered, 0)
    from best b
    join ragdz.documents d on d.tenant_id = tenant and d.id = b.document_id
    order by b.points desc, b.id;
end
$$;

alter function ragdz.search_chunks owner to ragdz_definer;
revoke all on function ragdz.search_chunks from public;
grant execute on function ragdz.search_chunks to ragdz_app;
