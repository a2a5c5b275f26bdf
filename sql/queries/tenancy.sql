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

-- name: countTenantRows :many
select table_name as "table_name!", row_count as "row_count!" from ragdz.count_tenant_rows(:tenant_id::uuid);

-- name: insertErasure :exec
insert into ragdz.tenant_erasures (tenant_id, requested_by, rows_before)
values (:tenant_id::uuid, :requested_by::text, :rows_before::jsonb)
on conflict (tenant_id) do nothing;

-- name: findErasure :one
select e.tenant_id, e.requested_by, e.request_time, e.rows_before, e.rows_after, e.finish_time, e.report_hash, e.signature,
    t.status
from ragdz.tenant_erasures e
join ragdz.tenants t on t.tenant_id = e.tenant_id
where e.tenant_id = :tenant_id::uuid;

-- name: openErasures :many
-- Whose time to settle is over, with the moment of the request.
select e.tenant_id, e.requested_by, e.request_time, e.rows_before,
    (e.request_time < clock_timestamp() - :settle_micros::bigint * interval '1 microsecond') as "settled!"
from ragdz.tenant_erasures e
where e.finish_time is null
order by e.request_time
limit 100;

-- name: eraseTenantRows :one
select ragdz.erase_tenant_rows(:tenant_id::uuid, :at_most::bigint) as "gone!";

-- name: finishErasure :one
-- No row when another server was faster. What is left of the tenant is its id, its slug and what was done to it.
with finished as (
    update ragdz.tenant_erasures
    set rows_after = :rows_after::jsonb, finish_time = :finish_time::timestamptz, report_hash = :report_hash::bytea,
        signature = :signature::bytea
    where tenant_id = :tenant_id::uuid and finish_time is null
    returning tenant_id
), emptied as (
    update ragdz.tenants t
    set status = 'deleted', name = '(deleted)', settings = '{}', provisioned = '{}', update_time = clock_timestamp()
    from finished where t.tenant_id = finished.tenant_id
), noted as (
    insert into ragdz.audit_log (tenant_id, actor, action, target, after, request_id, peer)
    select tenant_id, 'system', 'tenant.erased', tenant_id::text,
        jsonb_build_object('report_hash', encode(:report_hash::bytea, 'hex')), '', ''
    from finished
)
select tenant_id from finished;
