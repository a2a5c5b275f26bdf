-- room: Postgres
-- What the driver itself asks: the start-up check of isolation.

-- name: dangerousRoles :many
-- The role that we serve as, and every role that it could become, if row-level security does not bind it.
select r.rolname as "role!", r.rolsuper as "superuser!", r.rolbypassrls as "bypasses!"
from pg_roles r
where (r.rolsuper or r.rolbypassrls)
    and (r.rolname in (current_user, session_user) or pg_has_role(current_user, r.oid, 'member'))
order by (r.rolname in (current_user, session_user)) desc, r.rolname;

-- name: ownedTables :many
-- Tables that the serving role owns, or could own by becoming their owner: it could switch their policies off.
select c.relname as name
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = 'ragdz' and c.relkind in ('r', 'p', 'v', 'm') and pg_has_role(current_user, c.relowner, 'member')
order by c.relname;

-- name: unprotectedTables :many
-- Tables with a tenant that row-level security does not guard fully. A partition that nobody may touch directly is
-- guarded by its parent.
select c.relname as name,
    case
        when not c.relrowsecurity then 'has no row-level security; alter table … enable row level security'
        when not c.relforcerowsecurity then 'does not bind its owner; alter table … force row level security'
        when not exists (select from pg_policy p where p.polrelid = c.oid) then 'has no policy'
        when exists (
            select from pg_policy p
            where p.polrelid = c.oid
                and (
                    (p.polcmd in ('*', 'w', 'r', 'd') and p.polqual is null)
                    or (p.polcmd in ('*', 'w', 'a') and p.polwithcheck is null)
                )
        ) then 'has a policy without USING or without WITH CHECK'
        else 'has a policy that lets the serving role see every tenant'
    end as "problem!"
from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
where n.nspname = 'ragdz' and c.relkind in ('r', 'p')
    and not (
        c.relispartition
        and not has_table_privilege(current_user, c.oid, 'select, insert, update, delete')
    )
    and (
        not c.relrowsecurity or not c.relforcerowsecurity
        or not exists (select from pg_policy p where p.polrelid = c.oid)
        or exists (
            select from pg_policy p
            where p.polrelid = c.oid
                and (
                    (p.polcmd in ('*', 'w', 'r', 'd') and p.polqual is null)
                    or (p.polcmd in ('*', 'w', 'a') and p.polwithcheck is null)
                    or (
                        p.polpermissive
                        and 'true' in (pg_get_expr(p.polqual, c.oid), pg_get_expr(p.polwithcheck, c.oid))
                        and exists (
                            select from unnest(p.polroles) as granted (role)
                            where granted.role = 0 or granted.role = current_user::regrole
                        )
                    )
                )
        )
    )
order by c.relname;

-- name: appliedVersion :one
-- The newest migration that the database has had.
select coalesce(max(version), 0) as "version!" from ragdz.schema_migration;

-- name: begun :exec
-- Does nothing; a transaction that begins with a COPY begins with this.
select 1;
