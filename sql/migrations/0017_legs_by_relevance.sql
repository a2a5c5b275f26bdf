-- The legs of a search are joined by how relevant a chunk is beside the most relevant one, and no longer by its rank: a rank says
-- the same of a first that is far ahead and of one among equals.

-- Hybrid search in one round trip; see 0004 for why it runs as ragdz_definer with the tenant hard-wired.
--
-- Dense leg: cosine similarity over all vectors in scope. Lexical leg: for each term of the query, idf over the tenant's
-- chunks in scope x a saturating term frequency x the worth of the reading that matched, damped for long chunks. Each leg
-- gives its best candidates; their score is
--     similarity + lexical_weight x coverage^1.5 + rank_weight x relevance / best relevance
-- where coverage is the share of the query's idf that the chunk holds. A chunk in another language than the query cannot
-- share words that the caller knows no other name for, so it gets foreign_coverage x (lexical_weight + rank_weight) at least.
create or replace function ragdz.search_chunks(
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
    rank_weight double precision,
    foreign_coverage double precision
) returns table (
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
    scope_chunks double precision;
    dense_collections uuid[];
    other_collections uuid[];
begin
    if tenant is null then
        return;
    end if;
    select coalesce(sum(c.chunk_count), 0), array_agg(c.id) filter (where c.embedding_model = query_model),
        array_agg(c.id) filter (where c.embedding_model <> query_model)
    into scope_chunks, dense_collections, other_collections
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
        select q.term, q.weight, max(q.weight) over (partition by q.term) as best,
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
            join ragdz.chunks c on c.tenant_id = tenant and c.lexemes @@ a.lexeme
                and (in_collections is null or c.collection_id = any (in_collections))
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
    lexical as materialized (
        select r.id, r.covered, r.relevance, r.relevance / nullif(max(r.relevance) over (), 0) as strength,
            row_number() over (order by r.relevance desc, r.id)::integer as place
        from (
            select m.id,
                sum(t.idf * m.frequency) / (0.7 + 0.3 * m.lexeme_count / avg(m.lexeme_count) over ()) as relevance,
                sum(t.idf * m.credit / t.best) / nullif((select sum(every.idf) from terms every), 0) as covered
            from matched m join terms t on t.term = m.term
            group by m.id, m.lexeme_count
            order by 2 desc, m.id
            limit candidates
        ) r
    ),
    -- Where vectors are of another model and no word matches, there is still something to show, and it is shown last.
    unranked as materialized (
        select c.id
        from ragdz.chunks c
        where c.tenant_id = tenant and c.collection_id = any (other_collections)
            and (in_languages is null or c.language = any (in_languages))
        order by c.id
        limit result_limit
    ),
    fused as (
        select coalesce(d.chunk_id, l.id, u.id) as id, d.place as dense_place, l.place as lexical_place, l.covered,
            l.relevance, l.strength
        from dense d full join lexical l on l.id = d.chunk_id full join unranked u on u.id = coalesce(d.chunk_id, l.id)
    ),
    scored as (
        select f.*, c.document_id, c.collection_id, c.title_path, c.language, c.content, c.page, c.start_at, c.end_at,
            c.utf16_start, n.similarity,
            coalesce(n.similarity, 0) + greatest(
                lexical_weight * power(coalesce(f.covered, 0), 1.5)
                    + rank_weight * coalesce(f.strength, 0),
                case when c.language = query_language or 'und' in (c.language, query_language) then 0
                    else foreign_coverage * (lexical_weight + rank_weight) end) as points
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
        coalesce(b.similarity, 0), coalesce(b.covered, 0), coalesce(b.relevance, 0)
    from best b
    join ragdz.documents d on d.tenant_id = tenant and d.id = b.document_id
    order by b.points desc, b.id;
end
$$;

alter function ragdz.search_chunks owner to ragdz_definer;
revoke all on function ragdz.search_chunks from public;
grant execute on function ragdz.search_chunks to ragdz_app;
