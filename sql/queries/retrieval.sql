-- room: Retrieval
-- Every statement runs with the tenant's identity: row-level security bounds what it sees.

-- name: insertCollection :one
-- row: CollectionRow
-- No row when the name is taken.
with made as (
    insert into ragdz.collections (tenant_id, id, name, embedding_model, embedding_dimension, groups)
    values (ragdz.visible_tenant(), :id, :name, :embedding_model, :embedding_dimension, :groups)
    on conflict (tenant_id, name, groups) do nothing
    returning tenant_id, id, name, embedding_model, embedding_dimension, document_count, chunk_count, create_time, groups
), noted as (
    insert into ragdz.audit_log (tenant_id, actor, action, target, after, request_id, peer)
    select tenant_id, :actor::text, 'collection.create', id::text,
        jsonb_build_object('name', name, 'groups', groups, 'embedding_model', embedding_model), :request_id::text, :peer::text
    from made
)
select id as "id!", name as "name!", embedding_model as "embedding_model!", embedding_dimension as "embedding_dimension!",
    document_count as "document_count!", chunk_count as "chunk_count!", create_time as "create_time!", groups as "groups!"
from made;

-- name: findCollections :many
-- row: CollectionRow
-- By ids or names, in no order; what is unknown is missing.
-- What is counted is what the caller may see: row-level security shows no other shelf. The caller names its tenant, so that
-- policies compare it once and not for every look into an index; with another one's there are no rows.
select c.id, c.name, c.embedding_model, c.embedding_dimension, s.document_count as "document_count!",
    s.chunk_count as "chunk_count!", c.create_time, c.groups
from ragdz.collections c
cross join lateral (
    select coalesce(sum(document_count), 0)::bigint as document_count, coalesce(sum(chunk_count), 0)::bigint as chunk_count
    from ragdz.shelves
    where collection_id = c.id
) s
where c.tenant_id = :tenant::uuid and (c.id = any (:ids::uuid[]) or c.name = any (:names::text[]));

-- name: listCollections :many
-- row: CollectionRow
select c.id, c.name, c.embedding_model, c.embedding_dimension, s.document_count as "document_count!",
    s.chunk_count as "chunk_count!", c.create_time, c.groups
from ragdz.collections c
cross join lateral (
    select coalesce(sum(document_count), 0)::bigint as document_count, coalesce(sum(chunk_count), 0)::bigint as chunk_count
    from ragdz.shelves
    where collection_id = c.id
) s
where c.tenant_id = ragdz.visible_tenant() and (c.name, c.id) > (:after_name::text, :after_id::uuid)
order by c.name, c.id
limit :page_size;

-- name: updateCollectionGroups :execrows
-- No row when the collection is gone, or its groups have changed meanwhile.
with changed as (
    update ragdz.collections
    set groups = :groups
    where tenant_id = ragdz.visible_tenant() and id = :id and groups = :expected_groups::text[]
    returning tenant_id, id, groups
), noted as (
    insert into ragdz.audit_log (tenant_id, actor, action, target, before, after, request_id, peer)
    select tenant_id, :actor::text, 'collection.groups', id::text, jsonb_build_object('groups', :expected_groups::text[]),
        jsonb_build_object('groups', groups), :request_id::text, :peer::text
    from changed
)
select id from changed;

-- name: deleteCollection :execrows
with gone as (
    delete from ragdz.collections where tenant_id = ragdz.visible_tenant() and id = :id
    returning tenant_id, id, name, groups, document_count
), noted as (
    insert into ragdz.audit_log (tenant_id, actor, action, target, before, request_id, peer)
    select tenant_id, :actor::text, 'collection.delete', id::text,
        jsonb_build_object('name', name, 'groups', groups, 'documents', document_count), :request_id::text, :peer::text
    from gone
)
select id from gone;

-- name: findDocument :one
-- row: DocumentRow
select id, collection_id, filename, title, media_type, language, byte_size, character_count, page_count, chunk_count,
    sha256, create_time, groups, country, theme, source, official, document_time, tags, update_time, version, ingest_id
from ragdz.documents
where tenant_id = ragdz.visible_tenant() and id = :id;

-- name: findSharedDocument :one
-- row: DocumentRow
-- Of a corpus that is shared with the tenant.
select id as "id!", collection_id as "collection_id!", filename as "filename!", title as "title!",
    media_type as "media_type!", language as "language!", byte_size as "byte_size!",
    character_count as "character_count!", page_count as "page_count!", chunk_count as "chunk_count!",
    sha256 as "sha256!", create_time as "create_time!", groups as "groups!", country as "country!", theme as "theme!",
    source as "source!", official as "official!", document_time, tags as "tags!", update_time, version as "version!",
    ingest_id
from ragdz.shared_documents(array[:id::uuid]);

-- name: findDocumentByHash :one
-- row: DocumentRow
select id, collection_id, filename, title, media_type, language, byte_size, character_count, page_count, chunk_count,
    sha256, create_time, groups, country, theme, source, official, document_time, tags, update_time, version, ingest_id
from ragdz.documents
where tenant_id = ragdz.visible_tenant() and collection_id = :collection_id and sha256 = :sha256 and groups = :groups::text[];

-- name: findDocumentText :one
select content, page_starts
from ragdz.documents
where tenant_id = ragdz.visible_tenant() and id = :id;

-- name: findSharedDocumentText :one
select content as "content!", page_starts as "page_starts!" from ragdz.shared_documents(array[:id::uuid]);

-- name: findDocumentParts :many
-- Exactly the quoted ranges, from the text as it is stored now. Characters of PostgreSQL are Unicode scalars.
select p.number as "number!", substr(d.content, (p.start_at + 1)::integer, (p.end_at - p.start_at)::integer) as "quote!",
    case d.page_count when 0 then 0 else width_bucket(p.start_at, d.page_starts) end as "page!"
from unnest(:numbers::integer[], :document_ids::uuid[], :starts::bigint[], :ends::bigint[]) as p (number, document_id, start_at, end_at)
join ragdz.documents d on d.tenant_id = :tenant::uuid and d.id = p.document_id
order by p.number;

-- name: findSharedDocumentParts :many
-- The same of documents of corpora that are shared with the tenant.
select p.number as "number!", substr(d.content, (p.start_at + 1)::integer, (p.end_at - p.start_at)::integer) as "quote!",
    case d.page_count when 0 then 0 else width_bucket(p.start_at, d.page_starts) end as "page!"
from unnest(:numbers::integer[], :document_ids::uuid[], :starts::bigint[], :ends::bigint[]) as p (number, document_id, start_at, end_at)
join ragdz.shared_documents(:document_ids::uuid[]) d on d.id = p.document_id
order by p.number;

-- name: findChunks :many
-- With the text as the document holds it now: a chunk is a range of it.
select c.id, c.document_id, d.title, c.language, c.page, c.start_at, c.end_at,
    substr(d.content, (c.start_at + 1)::integer, (c.end_at - c.start_at)::integer) as "content!"
from ragdz.chunks c
join ragdz.documents d on d.tenant_id = c.tenant_id and d.id = c.document_id
where c.tenant_id = :tenant::uuid and c.id = any (:chunk_ids::uuid[]);

-- name: listDocuments :many
-- row: DocumentRow
select id, collection_id, filename, title, media_type, language, byte_size, character_count, page_count, chunk_count,
    sha256, create_time, groups, country, theme, source, official, document_time, tags, update_time, version, ingest_id
from ragdz.documents
where tenant_id = ragdz.visible_tenant() and collection_id = :collection_id and id > :after_id
order by id
limit :page_size;

-- name: insertDocument :one
-- row: DocumentRow
-- No row when the same bytes, or the same id, are there already. The text is put together here, so that the server never holds
-- all of it.
insert into ragdz.documents (
    tenant_id, id, collection_id, filename, title, media_type, language, byte_size, character_count, page_count,
    page_starts, sha256, content, chunk_count, analyzer_version, groups, country, theme, source, official, document_time, tags,
    ingest_id)
values (ragdz.visible_tenant(), :id, :collection_id, :filename, :title, :media_type, :language, :byte_size, :character_count, :page_count, array(
        select s.place
        from ragdz.ingest_text_pieces p, unnest(p.page_starts) with ordinality s (place, number)
        where p.tenant_id = ragdz.visible_tenant() and p.ingest_id = :ingest_id::uuid
        order by p.ordinal, s.number),
    :sha256, (
        select coalesce(string_agg(p.content, '' order by p.ordinal), '') from ragdz.ingest_text_pieces p
        where p.tenant_id = ragdz.visible_tenant() and p.ingest_id = :ingest_id::uuid),
    :chunk_count, :analyzer_version, :groups, :country, :theme, :source, :official, :document_time?, :tags, :ingest_id::uuid)
on conflict do nothing
returning id, collection_id, filename, title, media_type, language, byte_size, character_count, page_count, chunk_count,
    sha256, create_time, groups, country, theme, source, official, document_time, tags, update_time, version, ingest_id;

-- name: countDocument :execrows
-- Adds to the collection's totals and locks it; no row when it is gone.
update ragdz.collections
set document_count = document_count + :documents, chunk_count = chunk_count + :chunks
where tenant_id = ragdz.visible_tenant() and id = :id;

-- name: deleteDocument :execrows
-- The document, its chunks, lexemes and vectors, and its part of the totals, at once. What the log keeps of it tells which
-- bytes are gone to whoever has them, and nothing of what they said.
with gone as (
    delete from ragdz.documents
    where tenant_id = ragdz.visible_tenant() and id = :id
    returning tenant_id, id, collection_id, chunk_count, sha256, version, groups
), noted as (
    insert into ragdz.audit_log (tenant_id, actor, action, target, before, request_id, peer)
    select tenant_id, :actor::text, 'document.delete', id::text,
        jsonb_build_object('collection', collection_id, 'sha256', sha256, 'version', version, 'groups', groups),
        :request_id::text, :peer::text
    from gone
)
update ragdz.collections c
set document_count = c.document_count - 1, chunk_count = c.chunk_count - gone.chunk_count
from gone
where c.tenant_id = ragdz.visible_tenant() and c.id = gone.collection_id;

-- name: findGroups :one
-- Of one's own document.
select groups from ragdz.documents where tenant_id = ragdz.visible_tenant() and id = :id;

-- name: updateDocument :one
-- row: DocumentRow
-- A parameter that is null leaves its column as it is. No row when the document is gone, or its groups have changed meanwhile.
-- What is on its way to become a version of it is for the same groups. The collection first: a change of its groups, which
-- touches shelves and then documents, comes before or after.
with place as materialized (
    select c.id from ragdz.collections c
    where c.tenant_id = ragdz.visible_tenant() and c.id = (
        select d.collection_id from ragdz.documents d where d.tenant_id = ragdz.visible_tenant() and d.id = :id)
    for key share
), old as (
    select id, groups from ragdz.documents
    where tenant_id = ragdz.visible_tenant() and id = :id and groups = :expected_groups::text[]
        and collection_id in (select p.id from place p)
    for no key update
), changed as (
    update ragdz.documents d
    set groups = coalesce(:groups?::text[], d.groups), country = coalesce(:country?::text, d.country),
        theme = coalesce(:theme?::text, d.theme), source = coalesce(:source?::text, d.source),
        official = coalesce(:official?::boolean, d.official), tags = coalesce(:tags?::text[], d.tags),
        document_time = case when :sets_time::boolean then :document_time?::timestamptz else d.document_time end,
        update_time = clock_timestamp()
    from old
    where d.tenant_id = ragdz.visible_tenant() and d.id = old.id
    returning d.*
), noted as (
    insert into ragdz.audit_log (tenant_id, actor, action, target, before, after, request_id, peer)
    select c.tenant_id, :actor::text, 'document.groups', c.id::text, jsonb_build_object('groups', old.groups),
        jsonb_build_object('groups', c.groups), :request_id::text, :peer::text
    from changed c join old on old.id = c.id
    where old.groups <> c.groups
), under_way as (
    update ragdz.ingests i
    set groups = c.groups
    from changed c
    where i.tenant_id = ragdz.visible_tenant() and i.document_id = c.id and i.groups <> c.groups
)
select id, collection_id, filename, title, media_type, language, byte_size, character_count, page_count, chunk_count,
    sha256, create_time, groups, country, theme, source, official, document_time, tags, update_time, version, ingest_id
from changed;

-- name: searchChunks :many
-- The first row is no chunk: it says which version of the corpus was searched, and how.
select place as "place!", coalesce(corpus_version, '') as "corpus_version!", coalesce(plan, '') as "plan!",
    coalesce(shared, false) as "shared!",
    coalesce(chunk_id, '00000000-0000-0000-0000-000000000000') as "chunk_id!",
    coalesce(document_id, '00000000-0000-0000-0000-000000000000') as "document_id!",
    coalesce(collection_id, '00000000-0000-0000-0000-000000000000') as "collection_id!", coalesce(title, '') as "title!",
    coalesce(title_path, '') as "title_path!", coalesce(language, '') as "language!", coalesce(content, '') as "content!",
    coalesce(page, 0) as "page!", coalesce(start_at, 0) as "start_at!", coalesce(end_at, 0) as "end_at!",
    coalesce(utf16_start, 0) as "utf16_start!", coalesce(score, 0) as "score!", coalesce(dense_rank, 0) as "dense_rank!",
    coalesce(lexical_rank, 0) as "lexical_rank!", coalesce(similarity, 0) as "similarity!",
    coalesce(coverage, 0) as "coverage!", coalesce(relevance, 0) as "relevance!",
    coalesce(other_models, '{}') as "other_models!"
from ragdz.search_chunks(
    :query_vector::public.halfvec, :lexemes::text[], :terms::integer[], :weights::double precision[], 
    :language::text, :model::text, :left_out::text[], :only_model::boolean, :collections?::uuid[], :languages?::text[],
    :documents?::uuid[], :filter_path?::text, :filter_values?::jsonb, :known_version?::text, :with_shared::boolean,
    :candidates::integer, :result_limit::integer, :lexical_weight::double precision, :rank_weight::double precision,
    :foreign_coverage::double precision);

-- name: documentsToIndex :many
-- Of any tenant: ids only.
select tenant_id as "tenant_id!", document_id as "document_id!" from ragdz.documents_to_index(:version::integer, :result_limit::integer);

-- name: findChunksToIndex :many
select c.id, c.start_at, c.end_at, c.language, c.title_path
from ragdz.chunks c
where c.tenant_id = ragdz.visible_tenant() and c.document_id = :document_id
order by c.ordinal;

-- name: findTextToIndex :one
select title, content from ragdz.documents where tenant_id = ragdz.visible_tenant() and id = :id;

-- name: updateLexemes :execrows
update ragdz.chunks c
set lexemes = n.lexemes::tsvector, lexeme_count = n.lexeme_count
from unnest(:ids::uuid[], :lexemes::text[], :lexeme_counts::integer[]) as n (id, lexemes, lexeme_count)
where c.tenant_id = ragdz.visible_tenant() and c.id = n.id;

-- name: lockPlaceOfDocument :execrows
-- Its collection: nobody changes its groups until the transaction ends.
select from ragdz.collections c
where c.tenant_id = ragdz.visible_tenant() and c.id = (
    select d.collection_id from ragdz.documents d where d.tenant_id = ragdz.visible_tenant() and d.id = :document_id)
for key share;

-- name: updateAnalyzerVersion :execrows
update ragdz.documents
set analyzer_version = :version
where tenant_id = ragdz.visible_tenant() and id = :id and analyzer_version < :version;

-- name: moveVectors :one
-- One step of moving tenants that outgrew the exact scan to partitions of their own; of any tenant, ids and numbers only.
select tenant_id as "tenant_id!", home as "home!", moved as "moved!", ready as "ready!"
from ragdz.move_vectors(:threshold::bigint, :at_most::integer);

-- name: stockVectorHomes :one
-- For the owner of the schema.
select ragdz.stock_vector_homes(:wanted::integer, :dimension::integer) as "made!";

-- name: shareCorpus :one
-- For operators. No row when there is no such tenant.
with old as (
    select country from ragdz.shared_corpora where tenant_id = :tenant_id::uuid
), made as (
    insert into ragdz.shared_corpora as c (tenant_id, country)
    select tenant_id, :country::text from ragdz.tenants where tenant_id = :tenant_id::uuid
    on conflict (tenant_id) do update set country = excluded.country, update_time = clock_timestamp()
    returning c.tenant_id, c.country
), noted as (
    insert into ragdz.audit_log (tenant_id, actor, action, target, before, after, request_id, peer)
    select tenant_id, :actor::text, 'corpus.share', tenant_id::text, (select to_jsonb(old) from old),
        jsonb_build_object('country', country), :request_id::text, :peer::text
    from made
)
select tenant_id from made;

-- name: unshareCorpus :execrows
with gone as (
    delete from ragdz.shared_corpora where tenant_id = :tenant_id::uuid returning tenant_id, country
), noted as (
    insert into ragdz.audit_log (tenant_id, actor, action, target, before, request_id, peer)
    select tenant_id, :actor::text, 'corpus.unshare', tenant_id::text, jsonb_build_object('country', country),
        :request_id::text, :peer::text
    from gone
)
select tenant_id from gone;
