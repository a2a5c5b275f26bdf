-- Roles and the schema. Runs as a superuser, or as a role with CREATEROLE that may create the extension.
-- With your own database an administrator creates the extension and the roles once; then this changes nothing of them.
--
-- ragdz_owner     owns schema and tables: the runner does `set local role ragdz_owner` for every later migration.
-- ragdz_app       the server. Owns nothing, bypasses nothing: row-level security is all that it sees through.
-- ragdz_operator  the platform's operator: the server switches to it for one transaction (SET LOCAL ROLE).
-- ragdz_definer   owns the few SECURITY DEFINER functions and nothing else; nobody can log in as it.

do $$
begin
    if not exists (select from pg_roles where rolname = 'ragdz_owner') then
        create role ragdz_owner nologin nobypassrls;
    end if;
    if not exists (select from pg_roles where rolname = 'ragdz_app') then
        create role ragdz_app login nobypassrls;
    end if;
    if not exists (select from pg_roles where rolname = 'ragdz_operator') then
        create role ragdz_operator nologin nobypassrls;
    end if;
    if not exists (select from pg_roles where rolname = 'ragdz_definer') then
        create role ragdz_definer nologin bypassrls;
    end if;
    -- The server may become the operator for a transaction, but has none of its rights before it does.
    if not exists (
        select from pg_auth_members
        where roleid = 'ragdz_operator'::regrole and member = 'ragdz_app'::regrole
            and set_option and not inherit_option
    ) then
        grant ragdz_operator to ragdz_app with inherit false, set true;
    end if;
    -- The owner makes the definer's functions and hands them over.
    if not pg_has_role('ragdz_owner', 'ragdz_definer', 'usage') then
        grant ragdz_definer to ragdz_owner with inherit true, set true;
    end if;
    if not exists (select from pg_extension where extname = 'vector') then
        create extension vector;
    end if;
    -- Lets the full-text index start with the tenant.
    if not exists (select from pg_extension where extname = 'btree_gin') then
        create extension btree_gin;
    end if;
end
$$;

create schema if not exists ragdz authorization ragdz_owner;

revoke all on schema public from public;
grant usage on schema public to ragdz_owner, ragdz_app, ragdz_operator, ragdz_definer;
grant usage on schema ragdz to ragdz_app, ragdz_operator, ragdz_definer;
-- To own a function in a schema one must be allowed to create there.
grant create on schema ragdz to ragdz_definer;

-- The tenant of this transaction; NULL when there is none, so that every comparison with it is false.
-- (A setting that was ever set in a session reads as '' later, not as NULL.)
create or replace function ragdz.current_tenant() returns uuid
language sql stable parallel safe
return nullif(current_setting('ragdz.tenant', true), '')::uuid;

alter function ragdz.current_tenant() owner to ragdz_owner;

-- What has been applied, with the SHA-256 of each file as it was then.
create table if not exists ragdz.schema_migration (
    version integer primary key,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null default clock_timestamp()
);

alter table ragdz.schema_migration owner to ragdz_owner;
grant select on ragdz.schema_migration to ragdz_app;
