-- A limit that has been asked for before has its row, which is nearly always: it is locked as it stands, and written once. An
-- insert that comes upon a row is checked as an insert, as an update and as what it returns; here only the first one inserts.
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
        -- Again when there was none: made here, or by another node meanwhile; and should it be gone before it is locked.
        loop
            select r.arrival_nanos, r.gap_nanos into arrival, gap_before
            from ragdz.rate_limits r
            where r.tenant_id = ragdz.visible_tenant() and r.subject = asked.subject and r.rule = asked.rule
            for no key update;
            exit when found;
            insert into ragdz.rate_limits (tenant_id, subject, rule, arrival_nanos, gap_nanos)
            values (ragdz.visible_tenant(), asked.subject, asked.rule, 0, asked.gap)
            on conflict on constraint rate_limits_pkey do nothing;
        end loop;
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
