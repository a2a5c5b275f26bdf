-- Statements are planned once for all values (decision 0158), also those inside of functions, and some functions care.

-- A claim looks at the tenants of the steps that it takes, by their keys, and not at all tenants: the plan for any number of
-- wanted steps read the whole table of tenants first, ten times a second on every server.
create or replace function ragdz.claim_due_steps(owner uuid, wanted integer, lease_micros bigint)
returns table (tenant_id uuid, run_id uuid, step_id text, lease_epoch bigint)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    with due as (
        select s.tenant_id, s.run_id, s.id
        from ragdz.run_steps s
        where s.due_at <= clock_timestamp()
            -- A scalar subquery is asked for each step that is looked at, and few are.
            and coalesce(
                (select t.status in ('trial', 'active') from ragdz.tenants t where t.tenant_id = s.tenant_id), true)
        order by s.due_at
        limit least(greatest(wanted, 0), 1000)
        for update of s skip locked
    )
    update ragdz.run_steps s
    set lease_owner = owner,
        lease_epoch = s.lease_epoch + 1,
        due_at = clock_timestamp() + lease_micros * interval '1 microsecond'
    from due
    where s.tenant_id = due.tenant_id and s.run_id = due.run_id and s.id = due.id
    returning s.tenant_id, s.run_id, s.id, s.lease_epoch
$$;

-- How many rows a function is asked for decides on its plan, and so does what a search is not asked for: these get plans for
-- the values that they get, which costs little beside what they do.
do $$
declare
    target text;
begin
    foreach target in array array[
        'claim_due_steps', 'documents_to_index', 'erase_tenant_rows', 'move_vectors', 'purge_conversations', 'purge_streams',
        'release_quotas', 'search_chunks'
    ] loop
        execute format('alter function ragdz.%I set plan_cache_mode = auto', target);
    end loop;
end
$$;

-- A tenant has 1,000 open invitations at most, those of password resets left out: each is a letter to somebody, and members count
-- against the plan only once they have come.
create function ragdz.bound_invitations() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    -- One after the other within a tenant, so that of many at once each counts the ones before.
    perform pg_advisory_xact_lock(hashtextextended('ragdz.invitations ' || new.tenant_id, 0));
    if (
        select count(*) from ragdz.invitations i
        where i.tenant_id = new.tenant_id and i.accept_time is null and i.revoke_time is null
            and i.member_id is null and i.expire_time > clock_timestamp() and i.email <> new.email
    ) >= 1000 then
        raise exception 'the tenant has 1,000 open invitations' using errcode = 'RQ002';
    end if;
    return new;
end
$$;
create trigger invitations_bound before insert on ragdz.invitations
    for each row when (new.member_id is null) execute function ragdz.bound_invitations();

-- What is shared may be read beside one's own, and never leads to it: as a condition that an index could serve, it made the
-- server look for both at every statement, and read all of a tenant's collections for a page of them. Where two policies let
-- rows in, both are looked at for each row: the tenant is asked for once.
alter policy shared on ragdz.collections
    using (groups = '{}' and (tenant_id = any ((select ragdz.shared_corpora())::uuid[])) is true);
alter policy shared on ragdz.documents
    using (groups = '{}' and (tenant_id = any ((select ragdz.shared_corpora())::uuid[])) is true);
alter policy tenant on ragdz.collections using (tenant_id = (select ragdz.current_tenant()));
alter policy tenant on ragdz.documents using (tenant_id = (select ragdz.current_tenant()));
