-- room: Tenancy
-- Tenants. Every change writes its audit row in the same statement.

-- name: insertTenant :one
-- row: TenantRow
with made as (
    insert into ragdz.tenants (
        tenant_id, slug, name, region, timezone, default_language, plan, status, trial_end, settings, provisioned,
        create_time, update_time
    )
    select :tenant_id::uuid, :slug::text, :name::text, :region::text, :timezone::text, :default_language::text, :plan::text,
        case when :trial_days::bigint > 0 then 'trial' else 'active' end,
        case when :trial_days::bigint > 0 then clock.now + :trial_days::bigint * interval '1 day' end, :settings::jsonb, :provisioned::jsonb, clock.now,
        clock.now
    from (select clock_timestamp() as now) clock
    on conflict do nothing
    returning *
), noted as (
    insert into ragdz.audit_log (tenant_id, actor, action, target, after, request_id, peer)
    select tenant_id, :actor::text, 'tenant.create', tenant_id::text, to_jsonb(made) - 'provisioned', :request_id::text, :peer::text
    from made
)
select tenant_id, slug, name, region, timezone, default_language, plan, status, suspend_reason, trial_end,
    settings, create_time, update_time
from made;

-- name: findProvisionedTenant :one
-- The tenant that stands in the way of a new one, and whether the same request made it.
select tenant_id, provisioned = :provisioned::jsonb as "same!"
from ragdz.tenants
where slug = :slug::text or tenant_id = :tenant_id::uuid
order by (tenant_id = :tenant_id::uuid) desc
limit 1;

-- name: getTenant :one
-- row: TenantRow
select tenant_id, slug, name, region, timezone, default_language, plan, status, suspend_reason, trial_end,
    settings, create_time, update_time
from ragdz.tenants
where tenant_id = :tenant_id::uuid;

-- name: listTenants :many
-- row: TenantRow
select tenant_id, slug, name, region, timezone, default_language, plan, status, suspend_reason, trial_end,
    settings, create_time, update_time
from ragdz.tenants
where (create_time, tenant_id) > (:after_time::timestamptz, :after_id::uuid)
order by create_time, tenant_id
limit :page_size::bigint;

-- name: updateOwnTenant :one
-- row: TenantRow
-- A parameter that is null leaves its column as it is.
with old as (
    select * from ragdz.tenants where tenant_id = :tenant_id::uuid for update
), changed as (
    update ragdz.tenants t
    set name = coalesce(:name?::text, t.name), timezone = coalesce(:timezone?::text, t.timezone),
        default_language = coalesce(:default_language?::text, t.default_language), settings = coalesce(:settings?::jsonb, t.settings),
        update_time = clock_timestamp()
    from old where t.tenant_id = old.tenant_id
    returning t.*
), noted as (
    insert into ragdz.audit_log (tenant_id, actor, action, target, before, after, request_id, peer)
    select old.tenant_id, :actor::text, 'tenant.update', old.tenant_id::text, to_jsonb(old) - 'provisioned',
        to_jsonb(changed) - 'provisioned', :request_id::text, :peer::text
    from old join changed on changed.tenant_id = old.tenant_id
)
select tenant_id, slug, name, region, timezone, default_language, plan, status, suspend_reason, trial_end,
    settings, create_time, update_time
from changed;

-- name: updateAnyTenant :one
-- row: TenantRow
-- As updateOwnTenant, for operators: plan and region too.
with old as (
    select * from ragdz.tenants where tenant_id = :tenant_id::uuid for update
), changed as (
    update ragdz.tenants t
    set name = coalesce(:name?::text, t.name), timezone = coalesce(:timezone?::text, t.timezone),
        default_language = coalesce(:default_language?::text, t.default_language), settings = coalesce(:settings?::jsonb, t.settings),
        plan = coalesce(:plan?::text, t.plan), region = coalesce(:region?::text, t.region), update_time = clock_timestamp()
    from old where t.tenant_id = old.tenant_id
    returning t.*
), noted as (
    insert into ragdz.audit_log (tenant_id, actor, action, target, before, after, request_id, peer)
    select old.tenant_id, :actor::text, 'tenant.update', old.tenant_id::text, to_jsonb(old) - 'provisioned',
        to_jsonb(changed) - 'provisioned', :request_id::text, :peer::text
    from old join changed on changed.tenant_id = old.tenant_id
)
select tenant_id, slug, name, region, timezone, default_language, plan, status, suspend_reason, trial_end,
    settings, create_time, update_time
from changed;

-- name: lockTenant :one
-- row: TenantRow
-- First half of a change of status: the row stays locked until the transaction ends.
select tenant_id, slug, name, region, timezone, default_language, plan, status, suspend_reason, trial_end,
    settings, create_time, update_time
from ragdz.tenants
where tenant_id = :tenant_id::uuid
for update;

-- name: setTenantStatus :one
-- row: TenantRow
with old as (
    select * from ragdz.tenants where tenant_id = :tenant_id::uuid
), changed as (
    update ragdz.tenants t
    set status = :status::text, suspend_reason = :suspend_reason::text, update_time = clock_timestamp()
    where t.tenant_id = :tenant_id::uuid
    returning t.*
), noted as (
    insert into ragdz.audit_log (tenant_id, actor, action, target, before, after, request_id, peer)
    select old.tenant_id, :actor::text, :action::text, old.tenant_id::text, to_jsonb(old) - 'provisioned',
        to_jsonb(changed) - 'provisioned', :request_id::text, :peer::text
    from old join changed on changed.tenant_id = old.tenant_id
)
select tenant_id, slug, name, region, timezone, default_language, plan, status, suspend_reason, trial_end,
    settings, create_time, update_time
from changed;

-- name: auditHead :one
select sequence, hash from ragdz.audit_heads where tenant_id = :tenant_id::uuid;

-- name: auditEntriesAfter :many
-- row: AuditRow
select sequence, happened_at, actor, action, target, before::text as before, after::text as after, request_id, peer, hash
from ragdz.audit_log
where tenant_id = :tenant_id::uuid and sequence > :after_sequence::bigint
order by sequence
limit :page_size::bigint;

-- name: auditEntriesBefore :many
-- row: AuditRow
select sequence, happened_at, actor, action, target, before::text as before, after::text as after, request_id, peer, hash
from ragdz.audit_log
where tenant_id = :tenant_id::uuid and sequence < :before_sequence::bigint
order by sequence desc
limit :page_size::bigint;
