-- room: Retrieval
-- Every statement runs with the tenant's identity: row-level security bounds what it sees.

-- name: insertCollection :one
-- row: CollectionRow
-- No row when the name is taken.
insert into ragdz.collections (tenant_id, id, name, embedding_model, embedding_dimension)
values (ragdz.current_tenant(), :id, :name, :embedding_model, :embedding_dimension)
on conflict (tenant_id, name) do nothing
returning id, name, embedding_model, embedding_dimension, document_count, chunk_count, create_time;

-- name: findCollections :many
-- row: CollectionRow
-- By ids or names, in no order; what is unknown is missing.
select id, name, embedding_model, embedding_dimension, document_count, chunk_count, create_time
from ragdz.collections
where tenant_id = ragdz.current_tenant() and (id = any (:ids::uuid[]) or name = any (:names::text[]));

-- name: listCollections :many
-- row: CollectionRow
select id, name, embedding_model, embedding_dimension, document_count, chunk_count, create_time
from ragdz.collections
where tenant_id = ragdz.current_tenant() and name > :after_name
order by name
limit :page_size;

-- name: deleteCollection :execrows
delete from ragdz.collections where tenant_id = ragdz.current_tenant() and id = :id;

-- name: findDocument :one
-- row: DocumentRow
select id, collection_id, filename, title, media_type, language, byte_size, character_count, page_count, chunk_count,
    sha256, create_time
from ragdz.documents
where tenant_id = ragdz.current_tenant() and id = :id;

-- name: findDocumentByHash :one
-- row: DocumentRow
select id, collection_id, filename, title, media_type, language, byte_size, character_count, page_count, chunk_count,
    sha256, create_time
from ragdz.documents
where tenant_id = ragdz.current_tenant() and collection_id = :collection_id and sha256 = :sha256;

-- name: findDocumentText :one
select content, page_starts
from ragdz.documents
where tenant_id = ragdz.current_tenant() and id = :id;

-- name: findDocumentParts :many
-- Exactly the quoted ranges, from the text as it is stored now. Characters of PostgreSQL are Unicode scalars.
select p.number as "number!", substr(d.content, (p.start_at + 1)::integer, (p.end_at - p.start_at)::integer) as "quote!",
    case d.page_count when 0 then 0 else width_bucket(p.start_at, d.page_starts) end as "page!"
from unnest(:numbers::integer[], :document_ids::uuid[], :starts::bigint[], :ends::bigint[]) as p (number, document_id, start_at, end_at)
join ragdz.documents d on d.tenant_id = ragdz.current_tenant() and d.id = p.document_id
order by p.number;

-- name: findChunks :many
-- With the text as the document holds it now: a chunk is a range of it.
select c.id, c.document_id, d.title, c.language, c.page, c.start_at, c.end_at,
    substr(d.content, (c.start_at + 1)::integer, (c.end_at - c.start_at)::integer) as "content!"
from ragdz.chunks c
join ragdz.documents d on d.tenant_id = c.tenant_id and d.id = c.document_id
where c.tenant_id = ragdz.current_tenant() and c.id = any (:chunk_ids::uuid[]);

-- name: listDocuments :many
-- row: DocumentRow
select id, collection_id, filename, title, media_type, language, byte_size, character_count, page_count, chunk_count,
    sha256, create_time
from ragdz.documents
where tenant_id = ragdz.current_tenant() and collection_id = :collection_id and id > :after_id
order by id
limit :page_size;

-- name: insertDocument :one
-- row: DocumentRow
-- No row when the same bytes, or the same id, are there already.
insert into ragdz.documents (
    tenant_id, id, collection_id, filename, title, media_type, language, byte_size, character_count, page_count,
    page_starts, sha256, content, chunk_count, analyzer_version)
values (ragdz.current_tenant(), :id, :collection_id, :filename, :title, :media_type, :language, :byte_size, :character_count, :page_count, :page_starts, :sha256, :content, :chunk_count, :analyzer_version)
on conflict do nothing
returning id, collection_id, filename, title, media_type, language, byte_size, character_count, page_count, chunk_count,
    sha256, create_time;

-- name: insertChunks :exec
insert into ragdz.chunks (
    tenant_id, id, collection_id, document_id, ordinal, page, start_at, end_at, utf16_start, language, title_path, content,
    lexemes, lexeme_count)
select ragdz.current_tenant(), c.id, :collection_id, :document_id, c.ordinal, c.page, c.start_at, c.end_at, c.utf16_start, c.language,
    c.title_path, c.content, c.lexemes::tsvector, c.lexeme_count
from unnest(
    :ids::uuid[], :ordinals::integer[], :pages::integer[], :starts::bigint[], :ends::bigint[], :utf16_starts::bigint[], :languages::text[], :title_paths::text[],
    :contents::text[], :lexemes::text[], :lexeme_counts::integer[]
) as c (id, ordinal, page, start_at, end_at, utf16_start, language, title_path, content, lexemes, lexeme_count);

-- name: insertVectors :exec
insert into ragdz.chunk_vectors (tenant_id, chunk_id, collection_id, language, embedding)
select ragdz.current_tenant(), v.chunk_id, :collection_id, v.language, v.embedding
from unnest(:chunk_ids::uuid[], :languages::text[], :embeddings::public.halfvec[]) as v (chunk_id, language, embedding);

-- name: countDocument :execrows
-- Adds to the collection's totals and locks it; no row when it is gone.
update ragdz.collections
set document_count = document_count + :documents, chunk_count = chunk_count + :chunks
where tenant_id = ragdz.current_tenant() and id = :id;

-- name: deleteDocument :execrows
-- The document, its chunks, lexemes and vectors, and its part of the totals, at once.
with gone as (
    delete from ragdz.documents
    where tenant_id = ragdz.current_tenant() and id = :id
    returning collection_id, chunk_count
)
update ragdz.collections c
set document_count = c.document_count - 1, chunk_count = c.chunk_count - gone.chunk_count
from gone
where c.tenant_id = ragdz.current_tenant() and c.id = gone.collection_id;

-- name: searchChunks :many
select chunk_id as "chunk_id!", document_id as "document_id!", collection_id as "collection_id!", title as "title!",
    title_path as "title_path!", language as "language!", content as "content!", page as "page!",
    start_at as "start_at!", end_at as "end_at!", utf16_start as "utf16_start!", score as "score!",
    dense_rank as "dense_rank!", lexical_rank as "lexical_rank!", similarity as "similarity!", coverage as "coverage!",
    relevance as "relevance!"
from ragdz.search_chunks(
    :query_vector::public.halfvec, :lexemes::text[], :terms::integer[], :weights::double precision[], :language::text, :model::text, :collections?::uuid[], :languages?::text[],
    :candidates::integer, :result_limit::integer, :lexical_weight::double precision, :rank_weight::double precision,
    :foreign_coverage::double precision);

-- name: documentsToIndex :many
-- Of any tenant: ids only.
select tenant_id as "tenant_id!", document_id as "document_id!" from ragdz.documents_to_index(:version::integer, :result_limit::integer);

-- name: findChunksToIndex :many
select c.id, c.start_at, c.end_at, c.language, c.title_path
from ragdz.chunks c
where c.tenant_id = ragdz.current_tenant() and c.document_id = :document_id
order by c.ordinal;

-- name: findTextToIndex :one
select title, content from ragdz.documents where tenant_id = ragdz.current_tenant() and id = :id;

-- name: updateLexemes :execrows
update ragdz.chunks c
set lexemes = n.lexemes::tsvector, lexeme_count = n.lexeme_count
from unnest(:ids::uuid[], :lexemes::text[], :lexeme_counts::integer[]) as n (id, lexemes, lexeme_count)
where c.tenant_id = ragdz.current_tenant() and c.id = n.id;

-- name: updateAnalyzerVersion :execrows
update ragdz.documents
set analyzer_version = :version
where tenant_id = ragdz.current_tenant() and id = :id and analyzer_version < :version;

-- name: checkRoom :exec
-- Fails with SQLSTATE RQ001 when a document of this size would not be stored now.
select ragdz.check_quota('documents', 1), ragdz.check_quota('bytes', :bytes::bigint);
