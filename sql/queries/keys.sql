-- room: Keys
-- API keys and operator credentials. Every change writes its audit row in the same statement.

-- name: findKey
-- Runs before the caller is known, through the one function that may look across tenants. One row per live secret.
select tenant_id, tenant_status, scopes, expire_time, disabled, revoke_time, pepper_version, hash, secret_expire_time
from ragdz.find_key($1::text);

-- name: findOperatorCredential
select name, expire_time, revoke_time, pepper_version, hash
from ragdz.find_operator_credential($1::text);

-- name: insertKey
with made as (
    insert into ragdz.keys (tenant_id, key_id, name, scopes, expire_time)
    select $1::uuid, $2::text, $3::text, $4::text[], clock_timestamp() + $5::bigint * interval '1 microsecond'
    returning *
), secret as (
    insert into ragdz.key_secrets (tenant_id, key_id, generation, pepper_version, hash)
    select tenant_id, key_id, 1, $6::bigint::integer, $7::bytea from made
), noted as (
    insert into ragdz.audit_log (tenant_id, actor, action, target, after, request_id, peer)
    select tenant_id, $8::text, 'key.create', key_id, to_jsonb(made), $9::text, $10::text from made
)
select tenant_id, key_id, name, scopes, expire_time, disabled, revoke_time, create_time, last_used_time,
    1::bigint as live_secrets, null::timestamptz as grace_end_time
from made;

-- name: getKey
select k.tenant_id, k.key_id, k.name, k.scopes, k.expire_time, k.disabled, k.revoke_time, k.create_time,
    k.last_used_time, s.live_secrets, s.grace_end_time
from ragdz.keys k
cross join lateral (
    select count(*) as live_secrets, min(expire_time) as grace_end_time
    from ragdz.key_secrets
    where tenant_id = k.tenant_id and key_id = k.key_id and (expire_time is null or expire_time > statement_timestamp())
) s
where k.key_id = $1::text;

-- name: listKeys
select k.tenant_id, k.key_id, k.name, k.scopes, k.expire_time, k.disabled, k.revoke_time, k.create_time,
    k.last_used_time, s.live_secrets, s.grace_end_time
from ragdz.keys k
cross join lateral (
    select count(*) as live_secrets, min(expire_time) as grace_end_time
    from ragdz.key_secrets
    where tenant_id = k.tenant_id and key_id = k.key_id and (expire_time is null or expire_time > statement_timestamp())
) s
where (k.create_time, k.key_id) > ($1::timestamptz, $2::text)
order by k.create_time, k.key_id
limit $3::bigint;

-- name: lockKey
-- First half of a rotation: rotations of one key come one after the other.
select tenant_id, key_id, scopes, expire_time, disabled, revoke_time
from ragdz.keys
where key_id = $1::text
for update;

-- name: rotateKey
-- The newest secret gets its grace, an older one ends now, and the new one begins: never more than two.
with newest as (
    select tenant_id, key_id, generation
    from ragdz.key_secrets where key_id = $1::text
    order by generation desc limit 1
), ended as (
    delete from ragdz.key_secrets s using newest n
    where s.tenant_id = n.tenant_id and s.key_id = n.key_id and s.generation < n.generation
), graced as (
    update ragdz.key_secrets s set expire_time = clock_timestamp() + $4::bigint * interval '1 microsecond'
    from newest n
    where s.tenant_id = n.tenant_id and s.key_id = n.key_id and s.generation = n.generation
), noted as (
    insert into ragdz.audit_log (tenant_id, actor, action, target, before, after, request_id, peer)
    select tenant_id, $5::text, 'key.rotate', key_id, jsonb_build_object('generation', generation),
        jsonb_build_object('generation', generation + 1, 'grace_microseconds', $4::bigint), $6::text, $7::text
    from newest
)
insert into ragdz.key_secrets (tenant_id, key_id, generation, pepper_version, hash)
select tenant_id, key_id, generation + 1, $2::bigint::integer, $3::bytea from newest;

-- name: revokeKey
-- Touches nothing when the key is revoked already, so that repeating is harmless.
with old as (
    select * from ragdz.keys where key_id = $1::text and revoke_time is null for update
), changed as (
    update ragdz.keys k set revoke_time = clock_timestamp()
    from old where k.tenant_id = old.tenant_id and k.key_id = old.key_id
    returning k.*
)
insert into ragdz.audit_log (tenant_id, actor, action, target, before, after, request_id, peer)
select old.tenant_id, $2::text, 'key.revoke', old.key_id, to_jsonb(old), to_jsonb(changed), $3::text, $4::text
from old join changed on changed.key_id = old.key_id;

-- name: touchKey
-- At most once a minute per key, whichever process it is.
update ragdz.keys set last_used_time = now()
where key_id = $1::text and (last_used_time is null or last_used_time < now() - interval '1 minute');

-- name: insertFirstOperatorCredential
-- Makes nothing when there is an operator already. Of two servers that start at once, the unique name stops one.
with made as (
    insert into ragdz.operator_credentials (credential_id, name, pepper_version, hash)
    select $1::text, $2::text, $3::bigint::integer, $4::bytea
    where not exists (select 1 from ragdz.operator_credentials)
    on conflict do nothing
    returning credential_id, name, create_time
), noted as (
    insert into ragdz.audit_log (tenant_id, actor, action, target, after, request_id, peer)
    select '00000000-0000-0000-0000-000000000000', 'system', 'operator.create', credential_id, to_jsonb(made), '', ''
    from made
)
select credential_id from made;
