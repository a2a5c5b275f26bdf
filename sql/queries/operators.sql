-- room: Keys
-- The people who run the platform. All of it runs as the platform's operator.

-- name: insertOperator :one
-- row: OperatorRow
-- No row when a live operator has the name.
with made as (
    insert into ragdz.operator_credentials (credential_id, name, pepper_version, hash, created_by, expire_time)
    values (:credential_id::text, :name::text, :pepper_version::integer, :hash::bytea, :actor::text,
        clock_timestamp() + :lifetime_micros::bigint * interval '1 microsecond')
    on conflict do nothing
    returning *
), noted as (
    insert into ragdz.audit_log (tenant_id, actor, action, target, after, request_id, peer)
    select '00000000-0000-0000-0000-000000000000', :actor::text, 'operator.create', name,
        jsonb_build_object('credential_id', credential_id, 'expire_time', expire_time), :request_id::text, :peer::text
    from made
)
select credential_id, name, created_by, create_time, expire_time, revoke_time from made;

-- name: lockLiveOperators :many
-- row: OperatorRow
-- First half of an end: they stay locked, in one order, so that two who end each other at once are told apart.
select credential_id, name, created_by, create_time, expire_time, revoke_time
from ragdz.operator_credentials
where revoke_time is null
order by credential_id
for no key update;

-- name: endOperator :one
-- row: OperatorRow
with changed as (
    update ragdz.operator_credentials o set revoke_time = clock_timestamp()
    where o.credential_id = :credential_id::text and o.revoke_time is null
    returning *
), noted as (
    insert into ragdz.audit_log (tenant_id, actor, action, target, before, request_id, peer)
    select '00000000-0000-0000-0000-000000000000', :actor::text, :action::text, name,
        jsonb_build_object('credential_id', credential_id), :request_id::text, :peer::text
    from changed
)
select credential_id, name, created_by, create_time, expire_time, revoke_time from changed;

-- name: findOperator :one
-- row: OperatorRow
-- The live one of a name, or else the one that ended last.
select credential_id, name, created_by, create_time, expire_time, revoke_time
from ragdz.operator_credentials
where name = :name::text
order by (revoke_time is null) desc, revoke_time desc
limit 1;

-- name: listOperators :many
-- row: OperatorRow
select credential_id, name, created_by, create_time, expire_time, revoke_time
from ragdz.operator_credentials
where (create_time, credential_id) > (:after_time::timestamptz, :after_id::text)
order by create_time, credential_id
limit :page_size::bigint;
