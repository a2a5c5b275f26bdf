-- room: Retrieval
-- Collections that move to another embedding model. All but the claim and the removal run with the tenant's identity; whoever
-- changes something locks the collection first, as whoever stores or deletes does.

-- name: endedReembeddings :exec
-- Of a collection, the last one is remembered.
delete from ragdz.reembeddings
where tenant_id = ragdz.visible_tenant() and collection_id = :collection_id and state > 2;

-- name: insertReembedding :exec
-- Another one that is under way violates reembeddings_active.
with made as (
    insert into ragdz.reembeddings (tenant_id, id, collection_id, from_model, embedding_model, embedding_dimension)
    values (ragdz.visible_tenant(), :id, :collection_id, :from_model, :model, :dimension)
    returning tenant_id, collection_id, from_model, embedding_model
)
insert into ragdz.audit_log (tenant_id, actor, action, target, before, after, request_id, peer)
select tenant_id, :actor::text, 'collection.reembed', collection_id::text, jsonb_build_object('model', from_model),
    jsonb_build_object('model', embedding_model), :request_id::text, :peer::text
from made;

-- name: buildVectorSet :execrows
-- What is left of an earlier set of this model is good still: a vector goes with its chunk.
insert into ragdz.vector_sets as v (tenant_id, collection_id, model_key, model, dimension, state)
values (ragdz.visible_tenant(), :collection_id, ragdz.model_key(:model::text, :dimension::integer), :model::text, :dimension::integer, 'building')
on conflict (tenant_id, collection_id, model_key) do update set state = 'building' where v.state = 'retired';

-- name: findReembedding :one
-- row: ReembeddingRow
-- The newest of a collection.
select r.id, r.collection_id, r.from_model, r.embedding_model, r.embedding_dimension, r.state, r.chunks_done,
    (select c.chunk_count from ragdz.collections c where c.tenant_id = r.tenant_id and c.id = r.collection_id) as "chunk_count!",
    r.characters_embedded, r.embedding_micros, r.attempts, r.reason, r.message, r.due_at, r.create_time, r.update_time
from ragdz.reembeddings r
where r.tenant_id = ragdz.visible_tenant() and r.collection_id = :collection_id
order by r.id desc
limit 1;

-- name: cancelReembedding :execrows
with ended as (
    update ragdz.reembeddings
    set state = 5, reason = 'CANCELLED', message = 'The re-embedding was cancelled.', lease_owner = null, update_time = clock_timestamp()
    where tenant_id = ragdz.visible_tenant() and collection_id = :collection_id and state in (1, 2)
    returning tenant_id, collection_id, embedding_model
), noted as (
    insert into ragdz.audit_log (tenant_id, actor, action, target, before, request_id, peer)
    select tenant_id, :actor::text, 'collection.reembed_cancel', collection_id::text, jsonb_build_object('model', embedding_model),
        :request_id::text, :peer::text
    from ended
)
select from ended;

-- name: retireBuildingSet :exec
update ragdz.vector_sets
set state = 'retired'
where tenant_id = ragdz.visible_tenant() and collection_id = :collection_id and state = 'building';

-- name: claimDueReembeddings :many
select tenant_id as "tenant_id!", reembedding_id as "reembedding_id!", lease_epoch as "lease_epoch!"
from ragdz.claim_due_reembeddings(:owner::uuid, :models::text[], :wanted::integer, :lease_micros::bigint);

-- name: removeRetiredVectors :one
select ragdz.remove_retired_vectors(:at_most::integer) as "count!";

-- name: loadReembedding :one
-- No row when the lease is lost.
select collection_id, embedding_model, embedding_dimension, after_chunk, losses, attempts
from ragdz.reembeddings
where tenant_id = ragdz.visible_tenant() and id = :id and lease_epoch = :epoch and state = 2;

-- name: renewReembedding :execrows
update ragdz.reembeddings
set due_at = clock_timestamp() + :lease_micros::bigint * interval '1 microsecond'
where tenant_id = ragdz.visible_tenant() and id = :id and lease_epoch = :epoch and state = 2;

-- name: chunksToEmbed :many
-- Those of a collection, in the order of their ids, that have no vector of the model.
select c.id, d.title, c.title_path, c.content
from ragdz.chunks c
join ragdz.documents d on d.tenant_id = c.tenant_id and d.id = c.document_id
where c.tenant_id = ragdz.visible_tenant() and c.collection_id = :collection_id and c.id > :after
    and not exists (
        select from ragdz.chunk_vectors v
        where v.tenant_id = (select ragdz.visible_tenant()) and v.chunk_id = c.id
            and v.model_key = (select ragdz.model_key(:model::text, :dimension::integer)))
order by c.id
limit :batch;

-- name: keepBatch :execrows
-- No row when the lease is lost.
update ragdz.reembeddings
set after_chunk = :after?::uuid, chunks_done = chunks_done + :chunks::bigint, characters_embedded = characters_embedded + :characters,
    embedding_micros = embedding_micros + :micros, losses = 0, attempts = 1, code = 0, reason = '', message = '',
    update_time = clock_timestamp()
where tenant_id = ragdz.visible_tenant() and id = :id and lease_epoch = :epoch and state = 2;

-- name: lockDocumentsOfChunks :execrows
-- Until the vectors are there nobody puts the documents on another shelf: what is limited to groups must not be left behind on one
-- that others see.
select from ragdz.documents d
where d.tenant_id = ragdz.visible_tenant() and d.id = any (array(
    select c.document_id from ragdz.chunks c
    where c.tenant_id = (select ragdz.visible_tenant()) and c.id = any (:chunk_ids::uuid[])))
order by d.id
for share;

-- name: insertSetVectors :execrows
-- Chunks that were deleted meanwhile are left out. The collection is locked, so that none is deleted now.
insert into ragdz.chunk_vectors (tenant_id, chunk_id, collection_id, document_id, shelf_id, language, embedding, model_key, home)
select c.tenant_id, c.id, c.collection_id, c.document_id, c.shelf_id, c.language, e.embedding, k.model_key, coalesce(k.home, 0)
from unnest(:chunk_ids::uuid[], :embeddings::public.halfvec[]) as e (chunk_id, embedding)
cross join (
    select m.model_key, (
            select h.home from ragdz.vector_homes h
            where h.tenant_id = ragdz.visible_tenant() and h.model_key = m.model_key) as home
    from (select ragdz.model_key(:model::text, :dimension::integer) as model_key) m
) k
cross join lateral (
    select * from ragdz.chunks c
    where c.tenant_id = (select ragdz.visible_tenant()) and c.id = e.chunk_id
    -- One by one by their keys: a join would read all chunks of the tenant.
    offset 0
) c;

-- name: retireCurrentSet :execrows
update ragdz.vector_sets
set state = 'retired'
where tenant_id = ragdz.visible_tenant() and collection_id = :collection_id and state = 'current';

-- name: publishBuildingSet :execrows
update ragdz.vector_sets
set state = 'current'
where tenant_id = ragdz.visible_tenant() and collection_id = :collection_id and state = 'building'
    and model_key = ragdz.model_key(:model::text, :dimension::integer);

-- name: switchCollection :execrows
-- Searches see the other vectors from the end of the transaction on; the trigger gives the shelves new versions.
with changed as (
    update ragdz.collections
    set embedding_model = :model::text, embedding_dimension = :dimension::integer
    where tenant_id = ragdz.visible_tenant() and id = :id
    returning tenant_id, id
)
insert into ragdz.audit_log (tenant_id, actor, action, target, after, request_id, peer)
select tenant_id, 'system', 'collection.embedding_model', id::text, jsonb_build_object('model', :model::text), '', ''
from changed;

-- name: finishReembedding :execrows
update ragdz.reembeddings
set state = 3, lease_owner = null, code = 0, reason = '', message = '', update_time = clock_timestamp()
where tenant_id = ragdz.visible_tenant() and id = :id and lease_epoch = :epoch and state = 2;

-- name: returnReembedding :execrows
-- Back into the queue. With a reason it is an attempt that failed, and another one follows.
update ragdz.reembeddings
set state = 1, lease_owner = null, code = :code, reason = :reason, message = :message,
    due_at = clock_timestamp() + :pause_micros::bigint * interval '1 microsecond', update_time = clock_timestamp()
where tenant_id = ragdz.visible_tenant() and id = :id and lease_epoch = :epoch and state = 2;

-- name: failReembedding :execrows
update ragdz.reembeddings
set state = 4, lease_owner = null, code = :code, reason = :reason, message = :message, update_time = clock_timestamp()
where tenant_id = ragdz.visible_tenant() and id = :id and lease_epoch = :epoch and state = 2;
