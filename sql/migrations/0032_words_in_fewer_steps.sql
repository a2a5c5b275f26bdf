-- The leg of words of search_chunks in fewer steps; what it finds and in which order is what 0025 says there, as is all the rest of the
-- function. Holders of all terms are counted in one look at the matches, not one look for each term; a passage that holds none of a
-- word (two words of a tenant with one key) has the frequency 0, so that nothing needs to look for the word twice; and lengths are
-- compared in binary, not in decimal numbers.
create or replace function ragdz.search_chunks(
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
set plan_cache_mode = auto
set enable_seqscan = off
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
            join ragdz.chunks c on (c.tenant_id = k.tenant) is true
                and ragdz.lexeme_keys(c.tenant_id, c.lexemes)
                    @> array[hashtextextended(a.word, uuid_hash_extended(k.tenant, 0))]
                and (all_shelves or c.shelf_id in (select unnest(shelves)))
                and (documents is null or c.document_id in (select unnest(documents)))
                and (in_languages is null or c.language = any (in_languages))
            offset 0
        ) f
        where f.frequency > 0
        group by f.id, f.term
    ),
    terms as materialized (
        -- A chunk that holds half of a term's meaning counts half as one that holds the term.
        select a.term, a.best,
            ln(1 + (greatest(scope_chunks, h.holders) - h.holders + 0.5) / (h.holders + 0.5)) as idf
        from (select distinct asked.term, asked.best from asked) a
        left join (select m.term, sum(m.credit) as credit from matched m group by m.term) c on c.term = a.term
        cross join lateral (select coalesce(c.credit / a.best, 0) as holders) h
    ),
    lexical as (
        select m.id,
            sum(t.idf * m.frequency)
                / (0.7::double precision + 0.3::double precision * m.lexeme_count
                    / avg(m.lexeme_count::double precision) over ()) as relevance,
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
