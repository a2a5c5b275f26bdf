-- Asking for the tenant of the transaction costs what a policy costs: a third of that was the care for a setting that is
-- empty. The server's connections start with the nil UUID as their tenant instead, which no row may have, so that the
-- setting is a UUID whenever it is set.

-- The tenant whose rows are visible; without one the nil UUID, whose rows there are none of, or NULL.
-- (Where a session that began without the server's own settings has lost its tenant, this is an error, not nobody.)
create function ragdz.visible_tenant() returns uuid
language sql stable parallel safe
return current_setting('ragdz.tenant', true)::uuid;

-- The same, for functions that do something else without a tenant: NULL then.
create or replace function ragdz.current_tenant() returns uuid
language sql stable parallel safe
return nullif(
    nullif(current_setting('ragdz.tenant', true), ''), '00000000-0000-0000-0000-000000000000')::uuid;

do $$
declare
    found record;
    mine constant text := 'ragdz.visible_tenant()';
    written constant text := 'tenant_id = ragdz.visible_tenant() and tenant_id <> ''00000000-0000-0000-0000-000000000000''';
begin
    -- Homes of vectors are asked through their parent, which has its own policy.
    for found in
        select p.polrelid::regclass as target, p.polname as policy,
            pg_get_expr(p.polqual, p.polrelid) like '%SELECT%' as once
        from pg_policy p join pg_class c on c.oid = p.polrelid
        where c.relnamespace = 'ragdz'::regnamespace and not c.relispartition and p.polpermissive
            and p.polroles = array['ragdz_app'::regrole::oid]
        order by 1, 2
    loop
        execute format(
            'alter policy %I on %s using (tenant_id = %s) with check (%s)', found.policy, found.target,
            case when found.once then format('(select %s)', mine) else mine end, written);
    end loop;
end
$$;

-- Other sessions of the server's role begin like its own, where whoever migrates may say so.
do $$
begin
    if not exists (
        select from pg_db_role_setting
        where setrole = 'ragdz_app'::regrole and setdatabase = 0 and 'ragdz.tenant=00000000-0000-0000-0000-000000000000' = any (setconfig)
    ) then
        reset role;
        alter role ragdz_app set ragdz.tenant = '00000000-0000-0000-0000-000000000000';
        set local role ragdz_owner;
    end if;
exception
    -- The second: another database of the same server is being told the same at this moment.
    when insufficient_privilege or internal_error then null;
end
$$;

-- As before, with the one look.
create or replace function ragdz.lease_rates(
    subjects text[], rules text[], intervals bigint[], bursts bigint[], wanted bigint[], paces bigint[],
    returned bigint[], at_nanos bigint
)
returns table (place bigint, granted bigint, wait_nanos bigint, remaining bigint)
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    asked record;
    moment bigint := coalesce(at_nanos, (extract(epoch from clock_timestamp()) * 1000000000)::bigint);
    arrival bigint;
    gap_before bigint;
    base bigint;
    room bigint;
    tolerance bigint;
begin
    for asked in
        select a.place, a.subject, a.rule, a.gap, a.burst, a.wanted, a.pace, a.returned
        from unnest(subjects, rules, intervals, bursts, wanted, paces, returned)
            with ordinality as a (subject, rule, gap, burst, wanted, pace, returned, place)
        order by a.subject, a.rule
    loop
        insert into ragdz.rate_limits as r (tenant_id, subject, rule, arrival_nanos, gap_nanos)
        values (ragdz.visible_tenant(), asked.subject, asked.rule, 0, asked.gap)
        on conflict on constraint rate_limits_pkey do update set arrival_nanos = r.arrival_nanos
        returning r.arrival_nanos, r.gap_nanos into arrival, gap_before;
        -- A limit that was changed: so many tokens are owed as before, each for as long as it takes now.
        if gap_before <> asked.gap and arrival > moment then
            arrival := moment
                + least(((arrival - moment)::numeric / gap_before) * asked.gap, asked.gap * asked.burst)::bigint;
        end if;
        tolerance := asked.gap * asked.burst;
        base := greatest(least(arrival - asked.returned * asked.gap, moment + tolerance), moment);
        room := greatest((moment + tolerance - base) / asked.gap, 0);
        place := asked.place;
        granted := least(greatest(asked.wanted, 0), room);
        remaining := room - granted;
        wait_nanos := case when granted >= asked.wanted then 0
            else greatest(
                0, base + (granted + least(greatest(asked.pace, 1), asked.burst)) * asked.gap - moment - tolerance) end;
        update ragdz.rate_limits r set arrival_nanos = base + granted * asked.gap, gap_nanos = asked.gap
        where r.tenant_id = ragdz.visible_tenant() and r.subject = asked.subject and r.rule = asked.rule;
        return next;
    end loop;
end
$$;
