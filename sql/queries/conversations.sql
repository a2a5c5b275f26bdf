-- room: Retrieval
-- Conversations and their turns. Every statement but purgeConversations runs with the identity of the tenant and with the groups of
-- the caller; what is another owner's, has expired, or needs groups that the caller lacks, is like what never was.

-- name: lockConversations :one
-- Until the transaction's end nobody else begins a conversation for the owner, so that counting them means something.
select true as "locked!"
from pg_advisory_xact_lock(
    hashtextextended('conversations ' || :owner::text, uuid_hash_extended(ragdz.visible_tenant(), 0)));

-- name: countConversations :one
select count(*) as "count!"
from ragdz.conversations
where tenant_id = ragdz.visible_tenant() and owner = :owner;

-- name: insertConversation :one
-- row: ConversationRow
insert into ragdz.conversations (tenant_id, id, owner, title, groups, retention_days, expire_time)
values (
    ragdz.visible_tenant(), :id, :owner, :title, :groups, :retention_days::integer,
    clock_timestamp() + :retention_days::integer * interval '1 day')
returning id, title, retention_days, turn_count, create_time, update_time, expire_time;

-- name: findConversation :one
-- row: ConversationRow
select id, title, retention_days, turn_count, create_time, update_time, expire_time
from ragdz.conversations
where tenant_id = ragdz.visible_tenant() and id = :id and owner = :owner and expire_time > clock_timestamp()
    and (groups <@ ragdz.current_groups() or '*' = any (ragdz.current_groups()));

-- name: listConversations :many
-- row: ConversationRow
-- Newest first.
select id, title, retention_days, turn_count, create_time, update_time, expire_time
from ragdz.conversations
where tenant_id = ragdz.visible_tenant() and owner = :owner and id < :before_id and expire_time > clock_timestamp()
    and (groups <@ ragdz.current_groups() or '*' = any (ragdz.current_groups()))
order by id desc
limit :page_size;

-- name: deleteConversation :execrows
-- With its turns. Whoever lacks a group of it may still delete what is theirs.
delete from ragdz.conversations where tenant_id = ragdz.visible_tenant() and id = :id and owner = :owner;

-- name: listTurns :many
-- row: TurnRow
-- Oldest first, of a conversation that the caller may see.
select id, question, searched, answer, citations, abstention, model, is_forgotten, create_time
from ragdz.conversation_turns
where tenant_id = ragdz.visible_tenant() and conversation_id = :conversation_id and id > :after_id
order by id
limit :page_size;

-- name: newestTurns :many
-- row: TurnRow
-- Newest first, before a turn.
select id, question, searched, answer, citations, abstention, model, is_forgotten, create_time
from ragdz.conversation_turns
where tenant_id = ragdz.visible_tenant() and conversation_id = :conversation_id and id < :before_id
order by id desc
limit :page_size;

-- name: insertTurn :execrows
-- Nothing when the turn is there already or the conversation is gone. A document that was deleted meanwhile has taken the answer
-- along; those of the tenant that are there cannot be deleted before the turn is, so that it goes with them.
with own as (
    select d.id
    from ragdz.documents d
    where d.tenant_id = ragdz.visible_tenant() and d.id = any (:documents::uuid[])
    for key share
), standing as (
    select (select count(*) from own) + (
        select count(*) from ragdz.shared_documents(:documents::uuid[])) as held
), put as (
    insert into ragdz.conversation_turns (
        tenant_id, conversation_id, id, question, searched, answer, citations, documents, abstention, model, is_forgotten,
        request_id)
    select c.tenant_id, c.id, :id::uuid, :question::text, :searched::text,
        case when s.held = cardinality(:documents::uuid[]) then :answer::text else '' end,
        case when s.held = cardinality(:documents::uuid[]) then :citations::jsonb else '[]' end,
        case when s.held = cardinality(:documents::uuid[]) then :documents::uuid[] else '{}' end,
        :abstention::text, :model::text, s.held <> cardinality(:documents::uuid[]), nullif(:request_id::text, '')
    from ragdz.conversations c, standing s
    where c.tenant_id = ragdz.visible_tenant() and c.id = :conversation_id::uuid and c.owner = :owner::text
        and c.expire_time > clock_timestamp()
    on conflict do nothing
    returning tenant_id, conversation_id
)
update ragdz.conversations c
set turn_count = least(c.turn_count + 1, :kept::integer), update_time = clock_timestamp(), groups = :groups::text[],
    expire_time = clock_timestamp() + c.retention_days * interval '1 day'
from put
where c.tenant_id = put.tenant_id and c.id = put.conversation_id;

-- name: findTurnByRequest :one
-- Of a conversation that the caller may see.
select id, question
from ragdz.conversation_turns
where tenant_id = ragdz.visible_tenant() and conversation_id = :conversation_id and request_id = :request_id::text;

-- name: findNewestTurn :one
-- Of a conversation that the caller may see, when it is new and has no name of its caller's.
select id, question
from (
    select id, question, request_id, create_time
    from ragdz.conversation_turns
    where tenant_id = ragdz.visible_tenant() and conversation_id = :conversation_id
    order by id desc
    limit 1
) newest
where request_id is null and create_time > clock_timestamp() - :window_micros::bigint * interval '1 microsecond';

-- name: outdatedQuotes :many
-- Places, from 1, of the quotes whose document was replaced by a version without them. Of documents that the caller sees: own ones,
-- and those of corpora that are shared with the tenant.
with shared as materialized (
    select id, content from ragdz.shared_documents(:documents::uuid[]) where version > 1
)
select q.place as "place!"
from unnest(:documents::uuid[], :quotes::text[]) with ordinality as q (document_id, quote, place)
cross join lateral (
    select d.content from ragdz.documents d
    where d.tenant_id = ragdz.visible_tenant() and d.id = q.document_id and d.version > 1
    union all
    select s.content from shared s where s.id = q.document_id
    -- One by one, and only texts that were replaced are looked through.
    offset 0
) d
where strpos(d.content, q.quote) = 0;

-- name: pruneTurns :execrows
-- All but the newest ones.
delete from ragdz.conversation_turns t
where t.tenant_id = ragdz.visible_tenant() and t.conversation_id = :conversation_id
    and t.id not in (
        select n.id from ragdz.conversation_turns n
        where n.tenant_id = ragdz.visible_tenant() and n.conversation_id = :conversation_id
        order by n.id desc limit :kept);

-- name: purgeConversations :one
select ragdz.purge_conversations(:wanted) as "gone!";
