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

-- name: getOwnTenant :one
-- row: TenantRow
-- The caller's own. Named by the identity alone, so that it is not compared with a second name of it.
select tenant_id, slug, name, region, timezone, default_language, plan, status, suspend_reason, trial_end,
    settings, create_time, update_time
from ragdz.tenants
where tenant_id = ragdz.visible_tenant();

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
    select * from ragdz.tenants where tenant_id = :tenant_id::uuid for no key update
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
    select * from ragdz.tenants where tenant_id = :tenant_id::uuid for no key update
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
for no key update;

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

-- name: quotaUsage :many
-- row: QuotaRow
-- All quotas, or one of them.
select q.quota as "quota!", case when t.month > u.month then 0 else coalesce(u.used, 0) end as "used!",
    case when t.month > u.month then 0 else coalesce(u.reserved, 0) end as "reserved!", t.allowed, t.reset_time,
    t.plan_version as "plan_version!", t.is_overridden as "is_overridden!"
from unnest(array['documents', 'chunks', 'bytes', 'members', 'keys', 'queries', 'tokens', 'runs'])
    with ordinality as q (quota, place)
cross join lateral ragdz.quota_terms(:tenant_id::uuid, q.quota, clock_timestamp()) t
left join ragdz.quota_usage u on u.tenant_id = :tenant_id::uuid and u.quota = q.quota
where :only?::text is null or q.quota = :only?::text
order by q.place;

-- name: setQuotaOverride :exec
-- Its row of the log is written with it; nothing is written when nothing changes. The caller holds the tenant's row.
with old as (
    select * from ragdz.quota_overrides where tenant_id = :tenant_id::uuid and quota = :quota::text
), changed as (
    insert into ragdz.quota_overrides as o (tenant_id, quota, allowed)
    values (:tenant_id::uuid, :quota::text, :allowed?::bigint)
    on conflict (tenant_id, quota) do update set allowed = excluded.allowed
    where o.allowed is distinct from excluded.allowed
    returning *
)
insert into ragdz.audit_log (tenant_id, actor, action, target, before, after, request_id, peer)
select changed.tenant_id, :actor::text, 'quota.set', changed.quota, (select to_jsonb(old) from old), to_jsonb(changed),
    :request_id::text, :peer::text
from changed;

-- name: dropQuotaOverride :exec
with gone as (
    delete from ragdz.quota_overrides where tenant_id = :tenant_id::uuid and quota = :quota::text returning *
)
insert into ragdz.audit_log (tenant_id, actor, action, target, before, request_id, peer)
select gone.tenant_id, :actor::text, 'quota.reset', gone.quota, to_jsonb(gone), :request_id::text, :peer::text
from gone;

-- name: recountQuotas :many
select quota as "quota!", used as "used!", used_in_fact as "used_in_fact!", reserved as "reserved!",
    reserved_in_fact as "reserved_in_fact!"
from ragdz.recount_quotas(:tenant_id::uuid, :repair::boolean);

-- name: noteReconciliation :exec
insert into ragdz.audit_log (tenant_id, actor, action, target, before, after, request_id, peer)
values (:tenant_id::uuid, :actor::text, 'quota.repair', :quota::text,
    jsonb_build_object('used', :used::bigint, 'reserved', :reserved::bigint),
    jsonb_build_object('used', :used_in_fact::bigint, 'reserved', :reserved_in_fact::bigint), :request_id::text,
    :peer::text);

-- name: tenantStats :one
select collections as "collections!", documents as "documents!", chunks as "chunks!", bytes as "bytes!",
    live_keys as "live_keys!", workflows as "workflows!", open_runs as "open_runs!", succeeded_runs as "succeeded_runs!",
    failed_runs as "failed_runs!", cancelled_runs as "cancelled_runs!", last_key_use, last_document_time, last_run_time
from ragdz.tenant_stats(:tenant_id::uuid);

-- name: turnQuota :one
-- Settles a reservation and makes the next one. Runs as the tenant.
select granted as "granted!", used as "used!", reserved as "reserved!", allowed, reset_time
from ragdz.turn_quota(
    :quota::text, :settled?::uuid, :spent::bigint, :opened?::uuid, :at_least::bigint, :wanted::bigint, :spare::bigint,
    :lifetime_micros::bigint, :at?::timestamptz);

-- name: releaseQuotas :one
select ragdz.release_quotas(:at_most::integer) as "released!";

-- name: noteOperatorRead :exec
-- What an operator is about to read of a tenant. Nothing for a tenant that does not exist.
insert into ragdz.audit_log (tenant_id, actor, action, target, request_id, peer)
select tenant_id, :actor::text, :action::text, tenant_id::text, :request_id::text, :peer::text
from ragdz.tenants
where tenant_id = :tenant_id::uuid;

-- name: notePlatformRead :exec
-- What an operator is about to read over all tenants.
insert into ragdz.audit_log (tenant_id, actor, action, target, request_id, peer)
values (
    '00000000-0000-0000-0000-000000000000', :actor::text, :action::text, 'platform', :request_id::text, :peer::text);
