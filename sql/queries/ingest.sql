-- room: Retrieval
-- Ingests: uploads on their way to documents. Every statement but claimDueIngests and forgetIngests runs with the tenant's
-- identity. What a worker writes is fenced: it names the epoch of its lease, and without that lease no row is touched.

-- name: insertIngest :exec
insert into ragdz.ingests (
    tenant_id, id, collection_id, header, filename, groups, embedding_model, media_type, attempt_limit, due_at)
values (ragdz.visible_tenant(), :id, :collection_id, :header::jsonb, :filename, :groups, :embedding_model, :media_type?, :attempt_limit, clock_timestamp() + :patience_micros::bigint * interval '1 microsecond');

-- name: insertPiece :execrows
-- No row when the ingest is gone.
with grown as (
    update ragdz.ingests
    set byte_size = byte_size + octet_length(:data::bytea),
        due_at = clock_timestamp() + :patience_micros::bigint * interval '1 microsecond'
    where tenant_id = ragdz.visible_tenant() and id = :id and state = 0
    returning id
)
insert into ragdz.ingest_pieces (tenant_id, ingest_id, ordinal, data)
select ragdz.visible_tenant(), id, :ordinal, :data::bytea from grown;

-- name: insertUpload :exec
-- An ingest whose bytes come in parts; the room for all of them is set aside now.
insert into ragdz.ingests (
    tenant_id, id, collection_id, document_id, header, filename, groups, embedding_model, attempt_limit, declared_size, due_at)
values (ragdz.visible_tenant(), :id, :collection_id, :document_id?, :header::jsonb, :filename, :groups, :embedding_model, :attempt_limit, :declared_size::bigint, clock_timestamp() + :patience_micros::bigint * interval '1 microsecond');

-- name: findUpload :one
-- Until its last part has been taken over by the ingest.
select collection_id, document_id, header, filename, groups, byte_size, declared_size as "declared_size!", due_at
from ragdz.ingests
where tenant_id = ragdz.visible_tenant() and id = :id and state = 0 and declared_size is not null;

-- name: appendPiece :execrows
-- No row when the part does not begin where the bytes end, or the upload is gone. Of two that send the same part one waits for
-- the other, and finds that the bytes end elsewhere.
with grown as (
    update ragdz.ingests
    set byte_size = byte_size + octet_length(:data::bytea), update_time = clock_timestamp(),
        due_at = clock_timestamp() + :patience_micros::bigint * interval '1 microsecond'
    where tenant_id = ragdz.visible_tenant() and id = :id and state = 0 and declared_size is not null
        and byte_size = :part_start::bigint and byte_size + octet_length(:data::bytea) <= declared_size
    returning id
)
insert into ragdz.ingest_pieces (tenant_id, ingest_id, ordinal, data)
select ragdz.visible_tenant(), id, (
        select count(*)::integer from ragdz.ingest_pieces p
        where p.tenant_id = ragdz.visible_tenant() and p.ingest_id = :id), :data::bytea
from grown;

-- name: supersedeIngests :many
-- A newer version is here: older ones that are not stored yet never will be.
update ragdz.ingests
set state = 5, reason = 'SUPERSEDED', message = 'A newer version of the document was sent.', lease_owner = null,
    due_at = clock_timestamp() + :retention_micros::bigint * interval '1 microsecond', update_time = clock_timestamp()
where tenant_id = ragdz.visible_tenant() and document_id = :document_id and id <> :id and state in (1, 2)
returning id;

-- name: acceptIngest :execrows
-- All bytes are here. Another one for the same document that is under way violates ingests_active, and one for which there is
-- no room its quota.
update ragdz.ingests
set state = 1, document_id = :document_id::uuid, sha256 = :sha256, groups = :groups::text[], due_at = clock_timestamp(), update_time = clock_timestamp()
where tenant_id = ragdz.visible_tenant() and id = :id and state = 0;

-- name: dropIngest :execrows
delete from ragdz.ingests where tenant_id = ragdz.visible_tenant() and id = :id and state = 0;

-- name: findIngest :one
-- row: IngestRow
select id, collection_id, document_id, filename, state, stage, byte_size, chunk_count, chunks_done, chunks_reused,
    characters_embedded, embedding_micros, attempts, code, reason, message, quota_detail, duplicate, due_at, create_time, update_time
from ragdz.ingests
where tenant_id = ragdz.visible_tenant() and id = :id and state > 0;

-- name: findIngestOfDocument :one
-- row: IngestRow
-- The newest one.
select id, collection_id, document_id, filename, state, stage, byte_size, chunk_count, chunks_done, chunks_reused,
    characters_embedded, embedding_micros, attempts, code, reason, message, quota_detail, duplicate, due_at, create_time, update_time
from ragdz.ingests
where tenant_id = ragdz.visible_tenant() and document_id = :document_id::uuid and state > 0
order by id desc
limit 1;

-- name: findActiveIngest :one
-- row: IngestRow
select id, collection_id, document_id, filename, state, stage, byte_size, chunk_count, chunks_done, chunks_reused,
    characters_embedded, embedding_micros, attempts, code, reason, message, quota_detail, duplicate, due_at, create_time, update_time
from ragdz.ingests
where tenant_id = ragdz.visible_tenant() and document_id = :document_id::uuid and state in (1, 2);

-- name: listIngests :many
-- row: IngestRow
-- State 0 means all.
select id, collection_id, document_id, filename, state, stage, byte_size, chunk_count, chunks_done, chunks_reused,
    characters_embedded, embedding_micros, attempts, code, reason, message, quota_detail, duplicate, due_at, create_time, update_time
from ragdz.ingests
where tenant_id = ragdz.visible_tenant() and id < :before_id and state > 0
    and (:state::integer = 0 or state = :state::integer) and (:collection_id?::uuid is null or collection_id = :collection_id?::uuid)
order by id desc
limit :page_size;

-- name: cancelIngest :execrows
update ragdz.ingests
set state = 5, reason = 'CANCELLED', message = 'The ingest was cancelled.', lease_owner = null,
    due_at = clock_timestamp() + :retention_micros::bigint * interval '1 microsecond', update_time = clock_timestamp()
where tenant_id = ragdz.visible_tenant() and id = :id and state in (1, 2);

-- name: retryIngest :execrows
-- Goes on where it failed: what was kept is still there.
update ragdz.ingests
set state = 1, attempts = 0, losses = 0, attempt_limit = :attempt_limit, due_at = clock_timestamp(), update_time = clock_timestamp()
where tenant_id = ragdz.visible_tenant() and id = :id and state = 4
    and exists (select from ragdz.ingest_pieces p where p.tenant_id = ingests.tenant_id and p.ingest_id = ingests.id);

-- name: claimDueIngests :many
select tenant_id as "tenant_id!", ingest_id as "ingest_id!", lease_epoch as "lease_epoch!"
from ragdz.claim_due_ingests(:owner::uuid, :models::text[], :wanted::integer, :lease_micros::bigint);

-- name: forgetIngests :one
select ragdz.forget_ingests(:at_most::integer) as "count!";

-- name: loadIngest :one
-- What a worker needs to go on; no row when the lease is lost.
select collection_id, document_id as "document_id!", header, filename, media_type, sha256 as "sha256!", byte_size, embedding_model,
    coalesce((
        select c.embedding_model from ragdz.collections c
        where c.tenant_id = i.tenant_id and c.id = i.collection_id), embedding_model) as "collection_model!",
    coalesce((
        select c.embedding_dimension from ragdz.collections c
        where c.tenant_id = i.tenant_id and c.id = i.collection_id), 0) as "collection_dimension!",
    attempts, attempt_limit, losses, characters_embedded, embedding_micros, create_time,
    exists (
        select from ragdz.ingest_texts t where t.tenant_id = i.tenant_id and t.ingest_id = i.id) as "has_text!",
    (
        select count(*) from ragdz.ingest_chunks c
        where c.tenant_id = i.tenant_id and c.ingest_id = i.id) as "staged!"
from ragdz.ingests i
where i.tenant_id = ragdz.visible_tenant() and i.id = :id and i.lease_epoch = :epoch and i.state = 2;

-- name: renewIngest :execrows
update ragdz.ingests
set due_at = clock_timestamp() + :lease_micros::bigint * interval '1 microsecond'
where tenant_id = ragdz.visible_tenant() and id = :id and lease_epoch = :epoch and state = 2;

-- name: findPiece :one
select data from ragdz.ingest_pieces
where tenant_id = ragdz.visible_tenant() and ingest_id = :ingest_id and ordinal = :ordinal;

-- name: setIngestStage :execrows
update ragdz.ingests
set stage = :stage::smallint, chunk_count = :chunk_count, update_time = clock_timestamp()
where tenant_id = ragdz.visible_tenant() and id = :id and lease_epoch = :epoch and state = 2;

-- name: putTextPiece :execrows
-- A worker before may have come as far: what it kept is overwritten.
with fenced as (
    update ragdz.ingests
    set update_time = clock_timestamp()
    where tenant_id = ragdz.visible_tenant() and id = :id and lease_epoch = :epoch and state = 2
    returning id
)
insert into ragdz.ingest_text_pieces (
    tenant_id, ingest_id, ordinal, start_at, content, page_starts, heading_starts, heading_ends, heading_levels)
select ragdz.visible_tenant(), id, :ordinal, :start_at, :content, :page_starts::bigint[], :heading_starts::bigint[], :heading_ends::bigint[], :heading_levels::integer[]
from fenced
on conflict (tenant_id, ingest_id, ordinal) do update
set start_at = excluded.start_at, content = excluded.content, page_starts = excluded.page_starts,
    heading_starts = excluded.heading_starts, heading_ends = excluded.heading_ends, heading_levels = excluded.heading_levels;

-- name: putIngestText :execrows
-- The last piece, and what is known of the whole. Of a worker that was lost there may be more pieces than there are.
with fenced as (
    update ragdz.ingests
    set stage = 4, losses = 0, update_time = clock_timestamp()
    where tenant_id = ragdz.visible_tenant() and id = :id and lease_epoch = :epoch and state = 2
    returning id
), last as (
    insert into ragdz.ingest_text_pieces (
        tenant_id, ingest_id, ordinal, start_at, content, page_starts, heading_starts, heading_ends, heading_levels)
    select ragdz.visible_tenant(), id, :ordinal, :start_at, :content, :page_starts::bigint[], :heading_starts::bigint[], :heading_ends::bigint[], :heading_levels::integer[]
    from fenced
    on conflict (tenant_id, ingest_id, ordinal) do update
    set start_at = excluded.start_at, content = excluded.content, page_starts = excluded.page_starts,
        heading_starts = excluded.heading_starts, heading_ends = excluded.heading_ends, heading_levels = excluded.heading_levels
), stale as (
    delete from ragdz.ingest_text_pieces
    where tenant_id = ragdz.visible_tenant() and ingest_id in (select id from fenced) and ordinal > :ordinal
)
insert into ragdz.ingest_texts (tenant_id, ingest_id, media_type, title, character_count, page_count, piece_count)
select ragdz.visible_tenant(), id, :media_type, :title, :character_count, :page_count, :ordinal + 1
from fenced
on conflict do nothing;

-- name: findIngestText :one
select media_type, title, character_count, page_count, piece_count
from ragdz.ingest_texts
where tenant_id = ragdz.visible_tenant() and ingest_id = :ingest_id;

-- name: findTextPiece :one
select start_at, content, page_starts, heading_starts, heading_ends, heading_levels
from ragdz.ingest_text_pieces
where tenant_id = ragdz.visible_tenant() and ingest_id = :ingest_id and ordinal = :ordinal;

-- name: knownChunks :many
-- Those of the chunks that the stored version of the document has: their vectors need not be made again.
-- They stand in everybody's partition or in the tenant's own one; the others are not opened.
select v.chunk_id
from ragdz.chunk_vectors v
where v.tenant_id = (select ragdz.visible_tenant()) and v.chunk_id = any (:chunk_ids::uuid[])
    and v.model_key = (select ragdz.model_key(:model::text, :dimension::integer))
    and v.home = any (array[0, (
        select h.home from ragdz.vector_homes h
        where h.tenant_id = ragdz.visible_tenant() and h.model_key = ragdz.model_key(:model::text, :dimension::integer))]);

-- name: stageChunks :execrows
with fenced as (
    update ragdz.ingests
    set stage = 5, losses = 0, chunk_count = :chunk_count, chunks_done = chunks_done + cardinality(:chunk_ids::uuid[]),
        characters_embedded = characters_embedded + :characters, embedding_micros = embedding_micros + :micros,
        update_time = clock_timestamp()
    where tenant_id = ragdz.visible_tenant() and id = :id and lease_epoch = :epoch and state = 2
    returning id
)
insert into ragdz.ingest_chunks (
    tenant_id, ingest_id, ordinal, chunk_id, page, start_at, end_at, utf16_start, language, title_path, content, lexemes,
    lexeme_count, embedding)
select ragdz.visible_tenant(), fenced.id, c.ordinal, c.chunk_id, c.page, c.start_at, c.end_at, c.utf16_start, c.language,
    c.title_path, c.content, c.lexemes, c.lexeme_count, c.embedding
from fenced, unnest(
    :chunk_ids::uuid[], :ordinals::integer[], :pages::integer[], :starts::bigint[], :ends::bigint[], :utf16_starts::bigint[], :languages::text[], :title_paths::text[],
    :contents::text[], :lexemes::text[], :lexeme_counts::integer[], :embeddings::public.halfvec[]
) as c (chunk_id, ordinal, page, start_at, end_at, utf16_start, language, title_path, content, lexemes, lexeme_count, embedding);

-- name: stageKnownChunks :execrows
-- The same with the vectors of the stored version.
with fenced as (
    update ragdz.ingests
    set stage = 5, losses = 0, chunk_count = :chunk_count, chunks_done = chunks_done + cardinality(:chunk_ids::uuid[]),
        chunks_reused = chunks_reused + cardinality(:chunk_ids::uuid[]), update_time = clock_timestamp()
    where tenant_id = ragdz.visible_tenant() and id = :id and lease_epoch = :epoch and state = 2
    returning id
)
insert into ragdz.ingest_chunks (
    tenant_id, ingest_id, ordinal, chunk_id, page, start_at, end_at, utf16_start, language, title_path, content, lexemes,
    lexeme_count, embedding)
select ragdz.visible_tenant(), fenced.id, c.ordinal, c.chunk_id, c.page, c.start_at, c.end_at, c.utf16_start, c.language,
    c.title_path, c.content, c.lexemes, c.lexeme_count, v.embedding
from fenced, unnest(
    :chunk_ids::uuid[], :ordinals::integer[], :pages::integer[], :starts::bigint[], :ends::bigint[], :utf16_starts::bigint[], :languages::text[], :title_paths::text[],
    :contents::text[], :lexemes::text[], :lexeme_counts::integer[]
) as c (chunk_id, ordinal, page, start_at, end_at, utf16_start, language, title_path, content, lexemes, lexeme_count)
cross join lateral (
    select k.embedding from ragdz.chunk_vectors k
    where k.tenant_id = (select ragdz.visible_tenant()) and k.chunk_id = c.chunk_id
        and k.model_key = (select ragdz.model_key(:model::text, :dimension::integer))
        and k.home = any (array[0, (
            select h.home from ragdz.vector_homes h
            where h.tenant_id = ragdz.visible_tenant() and h.model_key = ragdz.model_key(:model::text, :dimension::integer))])
    -- One by one by their keys: a join would read all vectors of the tenant.
    offset 0
) v;

-- name: lockCollection :one
-- Whoever stores or deletes takes the collection first, then the document, then the ingest: nobody waits in a circle. Its model
-- stays what it is for as long.
select embedding_model, embedding_dimension from ragdz.collections where tenant_id = ragdz.visible_tenant() and id = :id for no key update;

-- name: finishIngest :execrows
-- Before the document is stored: the room that was set aside for it is given back here, and nobody else gets it until the
-- transaction ends.
update ragdz.ingests
set state = 3, stage = 6, lease_owner = null, code = 0, reason = '', message = '',
    due_at = clock_timestamp() + :retention_micros::bigint * interval '1 microsecond', update_time = clock_timestamp()
where tenant_id = ragdz.visible_tenant() and id = :id and lease_epoch = :epoch and state = 2;

-- name: markDuplicate :exec
-- The bytes are another document already.
update ragdz.ingests
set duplicate = true, document_id = :document_id::uuid
where tenant_id = ragdz.visible_tenant() and id = :id;

-- name: lockDocument :one
select chunk_count, groups
from ragdz.documents
where tenant_id = ragdz.visible_tenant() and id = :id
for no key update;

-- name: updateDocumentVersion :exec
update ragdz.documents
set filename = :filename, title = :title, media_type = :media_type, language = :language, byte_size = :byte_size,
    character_count = :character_count, page_count = :page_count, page_starts = array(
        select s.place
        from ragdz.ingest_text_pieces p, unnest(p.page_starts) with ordinality s (place, number)
        where p.tenant_id = ragdz.visible_tenant() and p.ingest_id = :ingest_id::uuid
        order by p.ordinal, s.number),
    sha256 = :sha256, content = (
        select coalesce(string_agg(p.content, '' order by p.ordinal), '') from ragdz.ingest_text_pieces p
        where p.tenant_id = ragdz.visible_tenant() and p.ingest_id = :ingest_id::uuid),
    chunk_count = :chunk_count, analyzer_version = :analyzer_version, version = version + 1, ingest_id = :ingest_id::uuid
where tenant_id = ragdz.visible_tenant() and id = :id;

-- name: deleteChunks :exec
delete from ragdz.chunks where tenant_id = ragdz.visible_tenant() and document_id = :document_id;

-- name: insertStagedChunks :execrows
insert into ragdz.chunks (
    tenant_id, id, collection_id, document_id, ordinal, page, start_at, end_at, utf16_start, language, title_path, content,
    lexemes, lexeme_count, shelf_id)
select c.tenant_id, c.chunk_id, d.collection_id, d.id, c.ordinal, c.page, c.start_at, c.end_at, c.utf16_start, c.language,
    c.title_path, c.content, c.lexemes::tsvector, c.lexeme_count, d.shelf_id
from ragdz.documents d
join ragdz.ingest_chunks c on c.tenant_id = d.tenant_id and c.ingest_id = :ingest_id
where d.tenant_id = ragdz.visible_tenant() and d.id = :document_id
order by c.ordinal;

-- name: insertStagedVectors :execrows
-- Into the tenant's own partition, when it has one.
insert into ragdz.chunk_vectors (tenant_id, chunk_id, collection_id, document_id, shelf_id, language, embedding, model_key, home)
select c.tenant_id, c.chunk_id, d.collection_id, d.id, d.shelf_id, c.language, c.embedding,
    (select ragdz.model_key(:model::text, :dimension::integer)),
    coalesce((
        select h.home from ragdz.vector_homes h
        where h.tenant_id = ragdz.visible_tenant() and h.model_key = ragdz.model_key(:model::text, :dimension::integer)), 0)
from ragdz.documents d
join ragdz.ingest_chunks c on c.tenant_id = d.tenant_id and c.ingest_id = :ingest_id
where d.tenant_id = ragdz.visible_tenant() and d.id = :document_id
order by c.ordinal;

-- name: dropStaging :exec
-- Bytes, text and chunks of an ingest that needs them no more.
with pieces as (
    delete from ragdz.ingest_pieces where tenant_id = ragdz.visible_tenant() and ingest_id = any (:ingest_ids::uuid[])
), texts as (
    delete from ragdz.ingest_texts where tenant_id = ragdz.visible_tenant() and ingest_id = any (:ingest_ids::uuid[])
), text_pieces as (
    delete from ragdz.ingest_text_pieces where tenant_id = ragdz.visible_tenant() and ingest_id = any (:ingest_ids::uuid[])
)
delete from ragdz.ingest_chunks where tenant_id = ragdz.visible_tenant() and ingest_id = any (:ingest_ids::uuid[]);

-- name: releaseIngest :execrows
-- Back into the queue, behind those that wait already.
update ragdz.ingests
set state = 1, attempts = attempts - 1, lease_owner = null, due_at = clock_timestamp(), update_time = clock_timestamp()
where tenant_id = ragdz.visible_tenant() and id = :id and lease_epoch = :epoch and state = 2;

-- name: changeIngestModel :execrows
-- The collection has another model by now: what was embedded for the old one is made again.
with fenced as (
    update ragdz.ingests
    set state = 1, attempts = attempts - 1, lease_owner = null, embedding_model = :model, chunks_done = 0, chunks_reused = 0,
        due_at = clock_timestamp(), update_time = clock_timestamp()
    where tenant_id = ragdz.visible_tenant() and id = :id and lease_epoch = :epoch and state = 2
    returning id
)
delete from ragdz.ingest_chunks where tenant_id = ragdz.visible_tenant() and ingest_id in (select id from fenced);

-- name: returnIngest :execrows
-- Something went wrong that is not the document's fault; it counts like a worker that was lost.
update ragdz.ingests
set state = 1, losses = losses + 1, lease_owner = null,
    due_at = clock_timestamp() + :pause_micros::bigint * interval '1 microsecond', update_time = clock_timestamp()
where tenant_id = ragdz.visible_tenant() and id = :id and lease_epoch = :epoch and state = 2;

-- name: postponeIngest :execrows
-- An attempt failed; another one follows.
update ragdz.ingests
set state = 1, lease_owner = null, code = :code, reason = :reason, message = :message,
    due_at = clock_timestamp() + :pause_micros::bigint * interval '1 microsecond', update_time = clock_timestamp()
where tenant_id = ragdz.visible_tenant() and id = :id and lease_epoch = :epoch and state = 2;

-- name: failIngest :execrows
update ragdz.ingests
set state = 4, lease_owner = null, code = :code, reason = :reason, message = :message, quota_detail = :quota_detail,
    due_at = clock_timestamp() + :retention_micros::bigint * interval '1 microsecond', update_time = clock_timestamp()
where tenant_id = ragdz.visible_tenant() and id = :id and lease_epoch = :epoch and state = 2;

-- name: notifyIngests :exec
-- Listeners learn which ingest moved, or which one is to stop, and nothing else; sent when the transaction commits.
select pg_notify('ragdz_ingests', payload) from unnest(:payloads::text[]) as payload;

-- name: deleteIngestsOfDocument :many
delete from ragdz.ingests where tenant_id = ragdz.visible_tenant() and document_id = :document_id::uuid returning id;

-- name: collectionOfDocument :one
-- Of one that is stored, or known from an ingest.
select d.collection_id as "collection_id!" from ragdz.documents d
where d.tenant_id = ragdz.visible_tenant() and d.id = :document_id::uuid
union all
select i.collection_id from ragdz.ingests i
where i.tenant_id = ragdz.visible_tenant() and i.document_id = :document_id::uuid and i.state > 0
limit 1;
