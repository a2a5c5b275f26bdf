-- room: Keys
-- API keys and operator credentials. Every change writes its audit row in the same statement.

-- name: findKey :many
-- Runs before the caller is known, through the one function that may look across tenants. One row per live secret.
select tenant_id as "tenant_id!", tenant_status as "tenant_status!", tenant_plan as "tenant_plan!", scopes as "scopes!",
    expire_time, disabled as "disabled!", revoke_time, requests_per_minute as "requests_per_minute!",
    requests_per_hour as "requests_per_hour!", request_burst as "request_burst!",
    concurrent_calls as "concurrent_calls!", allowed_networks as "allowed_networks!", generation as "generation!",
    pepper_version as "pepper_version!", hash as "hash!", secret_expire_time
from ragdz.find_key(:key_id::text);

-- name: findOperatorCredential :one
select name as "name!", expire_time, revoke_time, pepper_version as "pepper_version!", hash as "hash!"
from ragdz.find_operator_credential(:credential_id::text);

-- name: insertKey :one
-- row: KeyRow
with made as (
    insert into ragdz.keys (
        tenant_id, key_id, name, scopes, expire_time, requests_per_minute, requests_per_hour, request_burst,
        concurrent_calls, allowed_networks, rotation_period_micros)
    select :tenant_id::uuid, :key_id::text, :name::text, :scopes::text[],
        clock_timestamp() + :lifetime_micros?::bigint * interval '1 microsecond', :requests_per_minute::bigint,
        :requests_per_hour::bigint, :request_burst::bigint, :concurrent_calls::bigint, :allowed_networks::text[],
        :rotation_period_micros?::bigint
    returning *
), secret as (
    insert into ragdz.key_secrets (tenant_id, key_id, generation, pepper_version, hash, expire_time)
    select tenant_id, key_id, 1, :pepper_version::integer, :hash::bytea,
        create_time + rotation_period_micros * interval '1 microsecond'
    from made
), noted as (
    insert into ragdz.audit_log (tenant_id, actor, action, target, after, request_id, peer)
    select tenant_id, :actor::text, 'key.create', key_id, to_jsonb(made), :request_id::text, :peer::text from made
)
select tenant_id, key_id, name, scopes, expire_time, disabled, revoke_time, create_time, last_used_time,
    requests_per_minute, requests_per_hour, request_burst, concurrent_calls, allowed_networks, rotation_period_micros,
    1::bigint as "live_secrets!", null::timestamptz as grace_end_time,
    create_time + rotation_period_micros * interval '1 microsecond' as rotation_due_time
from made;

-- name: getKey :one
-- row: KeyRow
select k.tenant_id, k.key_id, k.name, k.scopes, k.expire_time, k.disabled, k.revoke_time, k.create_time,
    k.last_used_time, k.requests_per_minute, k.requests_per_hour, k.request_burst, k.concurrent_calls,
    k.allowed_networks, k.rotation_period_micros, s.live_secrets as "live_secrets!", s.grace_end_time,
    s.rotation_due_time
from ragdz.keys k
cross join lateral (
    select count(*) filter (where is_live) as live_secrets,
        min(expire_time) filter (where is_live and not is_newest) as grace_end_time,
        max(expire_time) filter (where is_newest) as rotation_due_time
    from (
        select expire_time, expire_time is null or expire_time > statement_timestamp() as is_live,
            generation = max(generation) over () as is_newest
        from ragdz.key_secrets
        where key_id = k.key_id
    ) each
) s
where k.key_id = :key_id::text;

-- name: listKeys :many
-- row: KeyRow
select k.tenant_id, k.key_id, k.name, k.scopes, k.expire_time, k.disabled, k.revoke_time, k.create_time,
    k.last_used_time, k.requests_per_minute, k.requests_per_hour, k.request_burst, k.concurrent_calls,
    k.allowed_networks, k.rotation_period_micros, s.live_secrets as "live_secrets!", s.grace_end_time,
    s.rotation_due_time
from ragdz.keys k
cross join lateral (
    select count(*) filter (where is_live) as live_secrets,
        min(expire_time) filter (where is_live and not is_newest) as grace_end_time,
        max(expire_time) filter (where is_newest) as rotation_due_time
    from (
        select expire_time, expire_time is null or expire_time > statement_timestamp() as is_live,
            generation = max(generation) over () as is_newest
        from ragdz.key_secrets
        where key_id = k.key_id
    ) each
) s
where k.tenant_id = ragdz.visible_tenant() and (k.create_time, k.key_id) > (:after_time::timestamptz, :after_id::text)
order by k.create_time, k.key_id
limit :page_size::bigint;

-- name: lockKey :one
-- First half of a rotation: rotations of one key come one after the other.
select tenant_id, key_id, scopes, expire_time, disabled, revoke_time, requests_per_minute, requests_per_hour,
    request_burst, concurrent_calls, allowed_networks
from ragdz.keys
where key_id = :key_id::text
for no key update;

-- name: makerRights :one
-- The rights of a caller that hands out some. Not locked: what is made while its maker is narrowed was made before.
select scopes, expire_time, requests_per_minute, requests_per_hour, request_burst, concurrent_calls, allowed_networks
from ragdz.keys
where key_id = :key_id::text;

-- name: newestSecret :one
select generation, pepper_version, hash, create_time > clock_timestamp() - interval '1 day' as "is_recent!", request_digest
from ragdz.key_secrets
where key_id = :key_id::text
order by generation desc
limit 1;

-- name: endGrace :exec
-- The secrets before the newest end now; nothing happens when none of them lives.
with ended as (
    update ragdz.key_secrets s set expire_time = clock_timestamp()
    where s.key_id = :key_id::text
        and s.generation < (select max(generation) from ragdz.key_secrets where key_id = :key_id::text)
        and (s.expire_time is null or s.expire_time > clock_timestamp())
    returning s.tenant_id, s.key_id, s.generation
)
insert into ragdz.audit_log (tenant_id, actor, action, target, before, after, request_id, peer)
select tenant_id, :actor::text, 'key.end_grace', key_id, jsonb_build_object('generation', generation), null,
    :request_id::text, :peer::text
from ended;

-- name: rehashSecret :exec
-- After the pepper has changed. Nothing happens when somebody else was faster, or the secret is another one by now.
update ragdz.key_secrets set pepper_version = :pepper_version::integer, hash = :hash::bytea
where key_id = :key_id::text and generation = :generation::integer and hash = :old_hash::bytea;

-- name: countSecretsByPepper :many
-- For operators: a version that no live secret was hashed with can go.
select s.pepper_version, count(*) as "secrets!"
from ragdz.key_secrets s
join ragdz.keys k on k.tenant_id = s.tenant_id and k.key_id = s.key_id
where k.revoke_time is null and (k.expire_time is null or k.expire_time > now())
    and (s.expire_time is null or s.expire_time > now())
group by s.pepper_version
order by s.pepper_version;

-- name: rotateKey :exec
-- The newest secret gets its grace, an older one ends now, and the new one begins: never more than two.
with newest as (
    select tenant_id, key_id, generation
    from ragdz.key_secrets where key_id = :key_id::text
    order by generation desc limit 1
), ended as (
    delete from ragdz.key_secrets s using newest n
    where s.tenant_id = n.tenant_id and s.key_id = n.key_id and s.generation < n.generation
), graced as (
    update ragdz.key_secrets s
    set expire_time = least(s.expire_time, clock_timestamp() + :grace_micros::bigint * interval '1 microsecond')
    from newest n
    where s.tenant_id = n.tenant_id and s.key_id = n.key_id and s.generation = n.generation
), noted as (
    insert into ragdz.audit_log (tenant_id, actor, action, target, before, after, request_id, peer)
    select tenant_id, :actor::text, 'key.rotate', key_id, jsonb_build_object('generation', generation),
        jsonb_build_object('generation', generation + 1, 'grace_microseconds', :grace_micros::bigint), :request_id::text, :peer::text
    from newest
)
insert into ragdz.key_secrets (tenant_id, key_id, generation, pepper_version, hash, expire_time, request_digest)
select n.tenant_id, n.key_id, n.generation + 1, :pepper_version::integer, :hash::bytea,
    clock_timestamp() + k.rotation_period_micros * interval '1 microsecond', :request_digest?::bytea
from newest n
join ragdz.keys k on k.tenant_id = n.tenant_id and k.key_id = n.key_id;

-- name: revokeKey :exec
-- Touches nothing when the key is revoked already, so that repeating is harmless.
with old as (
    select * from ragdz.keys where key_id = :key_id::text and revoke_time is null for no key update
), changed as (
    update ragdz.keys k set revoke_time = clock_timestamp()
    from old where k.tenant_id = old.tenant_id and k.key_id = old.key_id
    returning k.*
)
insert into ragdz.audit_log (tenant_id, actor, action, target, before, after, request_id, peer)
select old.tenant_id, :actor::text, 'key.revoke', old.key_id, to_jsonb(old), to_jsonb(changed), :request_id::text, :peer::text
from old join changed on changed.key_id = old.key_id;

-- name: touchKey :exec
-- At most once a minute per key, whichever process it is.
update ragdz.keys set last_used_time = now()
where key_id = :key_id::text and (last_used_time is null or last_used_time < now() - interval '1 minute');

-- name: insertFirstOperatorCredential :one
-- Makes nothing when there is an operator already. Of two servers that start at once, the unique name stops one.
with made as (
    insert into ragdz.operator_credentials (credential_id, name, pepper_version, hash)
    select :credential_id::text, :name::text, :pepper_version::integer, :hash::bytea
    where not exists (select 1 from ragdz.operator_credentials)
    on conflict do nothing
    returning credential_id, name, create_time
), noted as (
    insert into ragdz.audit_log (tenant_id, actor, action, target, after, request_id, peer)
    select '00000000-0000-0000-0000-000000000000', 'system', 'operator.create', credential_id, to_jsonb(made), '', ''
    from made
)
select credential_id from made;

-- name: updateKey :one
-- A parameter that is null leaves its column as it is. No row when there is no such key, or it is revoked.
with old as (
    select * from ragdz.keys where key_id = :key_id::text and revoke_time is null for no key update
), changed as (
    update ragdz.keys k
    set name = coalesce(:name?::text, k.name), disabled = coalesce(:disabled?::boolean, k.disabled),
        requests_per_minute = coalesce(:requests_per_minute?::bigint, k.requests_per_minute),
        requests_per_hour = coalesce(:requests_per_hour?::bigint, k.requests_per_hour),
        request_burst = coalesce(:request_burst?::bigint, k.request_burst),
        concurrent_calls = coalesce(:concurrent_calls?::bigint, k.concurrent_calls),
        allowed_networks = coalesce(:allowed_networks?::text[], k.allowed_networks),
        -- 0 takes the schedule away.
        rotation_period_micros = nullif(coalesce(:rotation_period_micros?::bigint, k.rotation_period_micros), 0)
    from old where k.tenant_id = old.tenant_id and k.key_id = old.key_id
    returning k.*
), scheduled as (
    -- The newest secret lives for the new period from now on, so that none ends by the change itself.
    update ragdz.key_secrets s
    set expire_time = clock_timestamp() + changed.rotation_period_micros * interval '1 microsecond'
    from changed
    where :rotation_period_micros?::bigint is not null and s.tenant_id = changed.tenant_id
        and s.key_id = changed.key_id
        and s.generation = (select max(generation) from ragdz.key_secrets where key_id = :key_id::text)
), noted as (
    insert into ragdz.audit_log (tenant_id, actor, action, target, before, after, request_id, peer)
    select old.tenant_id, :actor::text, 'key.update', old.key_id, to_jsonb(old), to_jsonb(changed), :request_id::text,
        :peer::text
    from old join changed on changed.key_id = old.key_id
)
select key_id from changed;

-- name: leaseRates :many
-- Tokens of several limits of one tenant, for this node to spend; and back what it did not.
select place as "place!", granted as "granted!", wait_nanos as "wait_nanos!", remaining as "remaining!"
from ragdz.lease_rates(
    :subjects::text[], :rules::text[], :intervals::bigint[], :bursts::bigint[], :wanted::bigint[], :paces::bigint[],
    :returned::bigint[], :at_nanos?::bigint);
