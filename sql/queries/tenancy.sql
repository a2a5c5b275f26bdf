-- room: Tenancy
-- Tenants. Every change writes its audit row in the same statement.

-- name: insertTenant
with made as (
    insert into ragdz.tenants (
        tenant_id, slug, name, region, timezone, default_language, plan, status, trial_end, settings, provisioned,
        create_time, update_time
    )
    select $1::uuid, $2::text, $3::text, $4::text, $5::text, $6::text, $7::text,
        case when $8::bigint > 0 then 'trial' else 'active' end,
        case when $8::bigint > 0 then clock.now + $8::bigint * interval '1 day' end, $9::jsonb, $10::jsonb, clock.now,
        clock.now
    from (select clock_timestamp() as now) clock
    on conflict do nothing
    returning *
), noted as (
    insert into ragdz.audit_log (tenant_id, actor, action, target, after, request_id, peer)
    select tenant_id, $11::text, 'tenant.create', tenant_id::text, to_jsonb(made) - 'provisioned', $12::text, $13::text
    from made
)
select tenant_id, slug, name, region, timezone, default_language, plan, status, suspend_reason, trial_end,
    settings::text as settings, create_time, update_time
from made;

-- name: findProvisionedTenant
-- The tenant that stands in the way of a new one, and whether the same request made it.
select tenant_id, slug, name, region, timezone, default_language, plan, status, suspend_reason, trial_end,
    settings::text as settings, create_time, update_time, provisioned = $3::jsonb as same
from ragdz.tenants
where slug = $1::text or tenant_id = $2::uuid
order by (tenant_id = $2::uuid) desc
limit 1;

-- name: getTenant
select tenant_id, slug, name, region, timezone, default_language, plan, status, suspend_reason, trial_end,
    settings::text as settings, create_time, update_time
from ragdz.tenants
where tenant_id = $1::uuid;

-- name: listTenants
select tenant_id, slug, name, region, timezone, default_language, plan, status, suspend_reason, trial_end,
    settings::text as settings, create_time, update_time
from ragdz.tenants
where (create_time, tenant_id) > ($1::timestamptz, $2::uuid)
order by create_time, tenant_id
limit $3::bigint;

-- name: updateOwnTenant
-- A parameter that is null leaves its column as it is.
with old as (
    select * from ragdz.tenants where tenant_id = $1::uuid for update
), changed as (
    update ragdz.tenants t
    set name = coalesce($2::text, t.name), timezone = coalesce($3::text, t.timezone),
        default_language = coalesce($4::text, t.default_language), settings = coalesce($5::jsonb, t.settings),
        update_time = clock_timestamp()
    from old where t.tenant_id = old.tenant_id
    returning t.*
), noted as (
    insert into ragdz.audit_log (tenant_id, actor, action, target, before, after, request_id, peer)
    select old.tenant_id, $6::text, 'tenant.update', old.tenant_id::text, to_jsonb(old) - 'provisioned',
        to_jsonb(changed) - 'provisioned', $7::text, $8::text
    from old join changed on changed.tenant_id = old.tenant_id
)
select tenant_id, slug, name, region, timezone, default_language, plan, status, suspend_reason, trial_end,
    settings::text as settings, create_time, update_time
from changed;

-- name: updateAnyTenant
-- As updateOwnTenant, for operators: plan and region too.
with old as (
    select * from ragdz.tenants where tenant_id = $1::uuid for update
), changed as (
    update ragdz.tenants t
    set name = coalesce($2::text, t.name), timezone = coalesce($3::text, t.timezone),
        default_language = coalesce($4::text, t.default_language), settings = coalesce($5::jsonb, t.settings),
        plan = coalesce($9::text, t.plan), region = coalesce($10::text, t.region), update_time = clock_timestamp()
    from old where t.tenant_id = old.tenant_id
    returning t.*
), noted as (
    insert into ragdz.audit_log (tenant_id, actor, action, target, before, after, request_id, peer)
    select old.tenant_id, $6::text, 'tenant.update', old.tenant_id::text, to_jsonb(old) - 'provisioned',
        to_jsonb(changed) - 'provisioned', $7::text, $8::text
    from old join changed on changed.tenant_id = old.tenant_id
)
select tenant_id, slug, name, region, timezone, default_language, plan, status, suspend_reason, trial_end,
    settings::text as settings, create_time, update_time
from changed;

-- name: lockTenant
-- First half of a change of status: the row stays locked until the transaction ends.
select tenant_id, slug, name, region, timezone, default_language, plan, status, suspend_reason, trial_end,
    settings::text as settings, create_time, update_time
from ragdz.tenants
where tenant_id = $1::uuid
for update;

-- name: setTenantStatus
with old as (
    select * from ragdz.tenants where tenant_id = $1::uuid
), changed as (
    update ragdz.tenants t
    set status = $2::text, suspend_reason = $3::text, update_time = clock_timestamp()
    where t.tenant_id = $1::uuid
    returning t.*
), noted as (
    insert into ragdz.audit_log (tenant_id, actor, action, target, before, after, request_id, peer)
    select old.tenant_id, $4::text, $5::text, old.tenant_id::text, to_jsonb(old) - 'provisioned',
        to_jsonb(changed) - 'provisioned', $6::text, $7::text
    from old join changed on changed.tenant_id = old.tenant_id
)
select tenant_id, slug, name, region, timezone, default_language, plan, status, suspend_reason, trial_end,
    settings::text as settings, create_time, update_time
from changed;
