-- room: Streams
-- Every statement but purgeStreams runs with the tenant's identity: row-level security bounds what it sees.

-- name: beginStream :exec
insert into ragdz.streams (tenant_id, id, method, request_digest, expire_time)
values (
    ragdz.visible_tenant(), :id, :method, :request_digest,
    clock_timestamp() + :lifetime_seconds::bigint * interval '1 second');

-- name: appendMessages :one
-- No row comes back when the epoch is not the stream's newest one, or the stream is not where the caller thinks.
-- Of what is kept, the oldest gives way beyond the limit.
with moved as (
    update ragdz.streams
    set last_sequence = last_sequence + :message_count::bigint,
        total_bytes = total_bytes + :byte_count::bigint,
        expire_time = clock_timestamp() + :lifetime_seconds::bigint * interval '1 second'
    where tenant_id = ragdz.visible_tenant() and id = :id and epoch = :epoch
        and last_sequence = :last_sequence::bigint and ending is null and not is_purged
    returning total_bytes
), kept as (
    insert into ragdz.stream_messages (tenant_id, stream_id, first_sequence, message_count, total_bytes, messages)
    select ragdz.visible_tenant(), :id, :last_sequence::bigint + 1, :message_count::bigint, total_bytes, :messages
    from moved
), trimmed as (
    delete from ragdz.stream_messages m
    using moved
    where moved.total_bytes > :byte_limit::bigint
        and m.tenant_id = ragdz.visible_tenant() and m.stream_id = :id
        and m.total_bytes <= moved.total_bytes - :byte_limit::bigint
)
select total_bytes from moved;

-- name: endStream :one
update ragdz.streams
set ending = :ending, expire_time = clock_timestamp() + :lifetime_seconds::bigint * interval '1 second'
where tenant_id = ragdz.visible_tenant() and id = :id and epoch = :epoch
    and last_sequence = :last_sequence and ending is null
returning epoch;

-- name: takeUpStream :one
-- Takes the right to go on with the stream from whoever has it.
update ragdz.streams
set epoch = epoch + 1
where tenant_id = ragdz.visible_tenant() and id = :id and method = :method and request_digest = :request_digest
    and last_sequence >= :last_sequence and expire_time > clock_timestamp() and not is_purged
returning epoch, last_sequence, ending;

-- name: describeStream :one
-- Why a stream was not taken up.
select
    (method = :method and request_digest = :request_digest) as "is_same!",
    (expire_time <= clock_timestamp() or is_purged) as "is_expired!",
    last_sequence
from ragdz.streams
where tenant_id = ragdz.visible_tenant() and id = :id;

-- name: streamMessages :many
select first_sequence, message_count, messages
from ragdz.stream_messages
where tenant_id = ragdz.visible_tenant() and stream_id = :id
order by first_sequence;

-- name: purgeStreams :one
-- Runs for the process, through the one function that may look across tenants.
select ragdz.purge_streams(:wanted::integer) as "purged!";
