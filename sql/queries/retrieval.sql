-- room: Retrieval
-- Every statement runs with the tenant's identity: row-level security bounds what it sees.

-- name: insertCollection
-- No row when the name is taken.
insert into ragdz.collections (tenant_id, id, name, embedding_model, embedding_dimension)
values (ragdz.current_tenant(), $1, $2, $3, $4)
on conflict (tenant_id, name) do nothing
returning id, name, embedding_model, embedding_dimension, document_count, chunk_count, create_time;

-- name: findCollections
-- By ids or names, in no order; what is unknown is missing.
select id, name, embedding_model, embedding_dimension, document_count, chunk_count, create_time
from ragdz.collections
where tenant_id = ragdz.current_tenant() and (id = any ($1::uuid[]) or name = any ($2::text[]));

-- name: listCollections
select id, name, embedding_model, embedding_dimension, document_count, chunk_count, create_time
from ragdz.collections
where tenant_id = ragdz.current_tenant() and name > $1
order by name
limit $2;

-- name: deleteCollection
delete from ragdz.collections where tenant_id = ragdz.current_tenant() and id = $1;

-- name: findDocument
select id, collection_id, filename, title, media_type, language, byte_size, character_count, page_count, chunk_count,
    sha256, create_time
from ragdz.documents
where tenant_id = ragdz.current_tenant() and id = $1;

-- name: findDocumentByHash
select id, collection_id, filename, title, media_type, language, byte_size, character_count, page_count, chunk_count,
    sha256, create_time
from ragdz.documents
where tenant_id = ragdz.current_tenant() and collection_id = $1 and sha256 = $2;

-- name: findDocumentText
select id, content, page_starts
from ragdz.documents
where tenant_id = ragdz.current_tenant() and id = $1;

-- name: findDocumentParts
-- Exactly the quoted ranges, from the text as it is stored now. Characters of PostgreSQL are Unicode scalars.
select p.number, substr(d.content, (p.start_at + 1)::integer, (p.end_at - p.start_at)::integer) as quote,
    case d.page_count when 0 then 0 else width_bucket(p.start_at, d.page_starts) end as page
from unnest($1::integer[], $2::uuid[], $3::bigint[], $4::bigint[]) as p (number, document_id, start_at, end_at)
join ragdz.documents d on d.tenant_id = ragdz.current_tenant() and d.id = p.document_id
order by p.number;

-- name: listDocuments
select id, collection_id, filename, title, media_type, language, byte_size, character_count, page_count, chunk_count,
    sha256, create_time
from ragdz.documents
where tenant_id = ragdz.current_tenant() and collection_id = $1 and id > $2
order by id
limit $3;

-- name: insertDocument
-- No row when the same bytes, or the same id, are there already.
insert into ragdz.documents (
    tenant_id, id, collection_id, filename, title, media_type, language, byte_size, character_count, page_count,
    page_starts, sha256, content, chunk_count)
values (ragdz.current_tenant(), $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
on conflict do nothing
returning id, collection_id, filename, title, media_type, language, byte_size, character_count, page_count, chunk_count,
    sha256, create_time;

-- name: insertChunks
insert into ragdz.chunks (
    tenant_id, id, collection_id, document_id, ordinal, page, start_at, end_at, utf16_start, language, title_path, content,
    lexemes, lexeme_count)
select ragdz.current_tenant(), c.id, $1, $2, c.ordinal, c.page, c.start_at, c.end_at, c.utf16_start, c.language,
    c.title_path, c.content, c.lexemes::tsvector, c.lexeme_count
from unnest(
    $3::uuid[], $4::integer[], $5::integer[], $6::bigint[], $7::bigint[], $8::bigint[], $9::text[], $10::text[],
    $11::text[], $12::text[], $13::integer[]
) as c (id, ordinal, page, start_at, end_at, utf16_start, language, title_path, content, lexemes, lexeme_count);

-- name: insertVectors
insert into ragdz.chunk_vectors (tenant_id, chunk_id, collection_id, language, embedding)
select ragdz.current_tenant(), v.chunk_id, $1, v.language, v.embedding
from unnest($2::uuid[], $3::text[], $4::public.halfvec[]) as v (chunk_id, language, embedding);

-- name: countDocument
-- Adds to the collection's totals and locks it; no row when it is gone.
update ragdz.collections
set document_count = document_count + $2, chunk_count = chunk_count + $3
where tenant_id = ragdz.current_tenant() and id = $1;

-- name: deleteDocument
-- The document, its chunks, lexemes and vectors, and its part of the totals, at once.
with gone as (
    delete from ragdz.documents
    where tenant_id = ragdz.current_tenant() and id = $1
    returning collection_id, chunk_count
)
update ragdz.collections c
set document_count = c.document_count - 1, chunk_count = c.chunk_count - gone.chunk_count
from gone
where c.tenant_id = ragdz.current_tenant() and c.id = gone.collection_id;

-- name: searchChunks
select chunk_id, document_id, collection_id, title, title_path, language, content, page, start_at, end_at,
    utf16_start, score, dense_rank, lexical_rank, similarity, coverage
from ragdz.search_chunks(
    $1::public.halfvec, $2::text[], $3::integer[], $4::double precision[], $5::text, $6::text, $7::uuid[], $8::text[],
    $9::integer, $10::integer, $11::double precision, $12::double precision);
