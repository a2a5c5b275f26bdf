-- Tenants and the log of who changed what.

create table ragdz.tenants (
    tenant_id uuid not null primary key,
    slug text not null unique check (slug ~ '^[a-z][a-z0-9-]{2,62}$'),
    name text not null check (char_length(name) between 1 and 200),
    region text not null check (region in ('DZ', 'CH', 'FR', 'BE', 'CA')),
    timezone text not null,
    default_language text not null check (default_language in ('fr', 'ar', 'en')),
    plan text not null check (plan in ('free', 'starter', 'pro', 'enterprise')),
    status text not null check (status in ('trial', 'active', 'suspended', 'deleting', 'deleted')),
    suspend_reason text not null default '' check (suspend_reason = '' or status = 'suspended'),
    trial_end timestamptz,
    settings jsonb not null default '{}',
    -- What CreateTenant was asked for, so that a repeated request is told apart from another one under the same slug
    -- even when the tenant has changed since.
    provisioned jsonb not null,
    create_time timestamptz not null default clock_timestamp(),
    update_time timestamptz not null default clock_timestamp()
);

create index tenants_by_create_time on ragdz.tenants (create_time, tenant_id);

alter table ragdz.tenants enable row level security;
alter table ragdz.tenants force row level security;

-- A tenant sees its own row and may change what the column grant below lists; plan, region and status are the
-- operator's, and the database itself says so.
create policy tenants_own on ragdz.tenants for all to ragdz_app
    using (tenant_id = ragdz.current_tenant()) with check (tenant_id = ragdz.current_tenant());
create policy tenants_operator on ragdz.tenants for all to ragdz_operator using (true) with check (true);
grant select, update (name, timezone, default_language, settings, update_time) on ragdz.tenants to ragdz_app;
grant select, insert, update on ragdz.tenants to ragdz_operator;

-- Written in the transaction of the change that it tells of. Nobody is granted update or delete.
-- The hash chain over these rows, and its verifier, come with the issue on isolation.
create table ragdz.audit_log (
    -- The nil UUID stands for the platform itself.
    tenant_id uuid not null,
    id bigint generated always as identity,
    happened_at timestamptz not null default clock_timestamp(),
    -- "key:<id>", "operator:<name>" or "system".
    actor text not null,
    -- E.g. "tenant.create", "key.rotate".
    action text not null,
    -- What was changed: a tenant's or a key's id.
    target text not null,
    before jsonb,
    after jsonb,
    request_id text not null,
    peer text not null,
    primary key (tenant_id, id)
);

alter table ragdz.audit_log enable row level security;
alter table ragdz.audit_log force row level security;
create policy audit_log_own on ragdz.audit_log for all to ragdz_app
    using (tenant_id = ragdz.current_tenant()) with check (tenant_id = ragdz.current_tenant());
create policy audit_log_operator on ragdz.audit_log for all to ragdz_operator using (true) with check (true);
grant select, insert on ragdz.audit_log to ragdz_app, ragdz_operator;
