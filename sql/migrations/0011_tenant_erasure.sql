-- The end of a tenant: everything that it has is erased, table by table, and a report proves it by counts.

create table ragdz.tenant_erasures (
    tenant_id uuid not null primary key references ragdz.tenants (tenant_id),
    requested_by text not null,
    request_time timestamptz not null default clock_timestamp(),
    -- Rows by table, as {"chunks": 12, …}.
    rows_before jsonb not null,
    rows_after jsonb,
    finish_time timestamptz,
    -- SHA-256 of the report, and the platform's signature of it.
    report_hash bytea check (octet_length(report_hash) = 32),
    signature bytea,
    check ((finish_time is null) = (report_hash is null) and (finish_time is null) = (rows_after is null))
);

alter table ragdz.tenant_erasures enable row level security;
alter table ragdz.tenant_erasures force row level security;
create policy tenant_erasures_own on ragdz.tenant_erasures for all to ragdz_app
    using (tenant_id = ragdz.current_tenant()) with check (tenant_id = ragdz.current_tenant());
create policy tenant_erasures_operator on ragdz.tenant_erasures for all to ragdz_operator
    using (true) with check (true);
grant select, insert, update on ragdz.tenant_erasures to ragdz_operator;

-- The definer erases what tenants have, in tables of today and of later migrations, and nothing else.
grant select, delete on all tables in schema ragdz to ragdz_definer;
revoke delete on ragdz.tenants, ragdz.audit_log, ragdz.audit_heads, ragdz.tenant_erasures, ragdz.operator_credentials,
    ragdz.schema_migration from ragdz_definer;
alter default privileges for role ragdz_owner in schema ragdz grant select, delete on tables to ragdz_definer;

-- Every table that holds rows of tenants, but for what has to outlive them: that they were there, and what was done.
create function ragdz.tenant_tables() returns setof name
language sql stable set search_path = pg_catalog, pg_temp
as $$
    select c.relname
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
    where c.relnamespace = 'ragdz'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
        and c.relname not in ('tenants', 'audit_log', 'audit_heads', 'tenant_erasures')
    order by c.relname
$$;
revoke all on function ragdz.tenant_tables() from public;
grant execute on function ragdz.tenant_tables() to ragdz_definer;

create function ragdz.count_tenant_rows(tenant uuid) returns table (table_name text, row_count bigint)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
begin
    for table_name in select t from ragdz.tenant_tables() t loop
        execute format('select count(*) from ragdz.%I where tenant_id = $1', table_name) using tenant into row_count;
        return next;
    end loop;
end
$$;

-- Erases up to `at_most` rows of a tenant that is being deleted, and says how many: call it until it says none. Rows that
-- others refer to take those with them. Short transactions, so that nobody waits for long.
create function ragdz.erase_tenant_rows(tenant uuid, at_most bigint) returns bigint
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    wanted text;
    gone bigint;
    total bigint := 0;
begin
    if not exists (select from ragdz.tenants t where t.tenant_id = tenant and t.status = 'deleting') then
        raise exception 'the tenant is not being deleted' using errcode = 'object_not_in_prerequisite_state';
    end if;
    for wanted in select t from ragdz.tenant_tables() t loop
        execute format(
            'delete from ragdz.%1$I where ctid = any (array(select ctid from ragdz.%1$I where tenant_id = $1 limit $2))',
            wanted) using tenant, greatest(at_most - total, 0);
        get diagnostics gone = row_count;
        total := total + gone;
        exit when total >= at_most;
    end loop;
    return total;
end
$$;

alter function ragdz.count_tenant_rows(uuid) owner to ragdz_definer;
alter function ragdz.erase_tenant_rows(uuid, bigint) owner to ragdz_definer;
revoke all on function ragdz.count_tenant_rows(uuid), ragdz.erase_tenant_rows(uuid, bigint) from public;
grant execute on function ragdz.count_tenant_rows(uuid), ragdz.erase_tenant_rows(uuid, bigint) to ragdz_operator;
