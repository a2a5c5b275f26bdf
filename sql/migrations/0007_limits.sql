-- Rate limits, and what a key may be bound to: its own limits and the networks that it is used from.

alter table ragdz.keys
    -- 0: the tenant's plan alone.
    add column requests_per_minute bigint not null default 0 check (requests_per_minute between 0 and 1000000000),
    add column requests_per_hour bigint not null default 0 check (requests_per_hour between 0 and 1000000000),
    -- 0: a tenth of the minute's, at least one.
    add column request_burst bigint not null default 0 check (request_burst between 0 and 1000000000),
    -- Networks such as 10.0.0.0/8; empty: from anywhere.
    add column allowed_networks text[] not null default '{}' check (cardinality(allowed_networks) <= 64);

grant update (requests_per_minute, requests_per_hour, request_burst, allowed_networks) on ragdz.keys to ragdz_app;

drop trigger keys_announce on ragdz.keys;
create trigger keys_announce
    after insert or delete or update of scopes, expire_time, disabled, revoke_time, requests_per_minute,
        requests_per_hour, request_burst, allowed_networks
    on ragdz.keys for each row execute function ragdz.announce_key_change();

-- The plan decides on limits too.
drop trigger tenants_announce on ragdz.tenants;
create trigger tenants_announce after update of status, plan
    on ragdz.tenants for each row execute function ragdz.announce_tenant_change();

drop function ragdz.find_key(text);
create function ragdz.find_key(wanted text)
returns table (
    tenant_id uuid, tenant_status text, tenant_plan text, scopes text[], expire_time timestamptz, disabled boolean,
    revoke_time timestamptz, requests_per_minute bigint, requests_per_hour bigint, request_burst bigint,
    allowed_networks text[], pepper_version integer, hash bytea, secret_expire_time timestamptz
)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    select k.tenant_id, t.status, t.plan, k.scopes, k.expire_time, k.disabled, k.revoke_time, k.requests_per_minute,
        k.requests_per_hour, k.request_burst, k.allowed_networks, s.pepper_version, s.hash, s.expire_time
    from ragdz.keys k
    join ragdz.tenants t on t.tenant_id = k.tenant_id
    join ragdz.key_secrets s on s.tenant_id = k.tenant_id and s.key_id = k.key_id
    where k.key_id = wanted
    order by s.generation desc
$$;
alter function ragdz.find_key(text) owner to ragdz_definer;
revoke all on function ragdz.find_key(text) from public;
grant execute on function ragdz.find_key(text) to ragdz_app;

-- Where each limit stands. Nodes take tokens from here for a short while; what is in it is worth a minute or an hour,
-- so it is not written to the log of changes, and begins anew after a crash of the database.
create unlogged table ragdz.rate_limits (
    tenant_id uuid not null,
    -- A key's id, or empty for the tenant as a whole.
    subject text not null,
    rule text not null,
    -- When the next token is due, in nanoseconds of Unix time.
    arrival_nanos bigint not null,
    -- Between two tokens, when it was written.
    gap_nanos bigint not null,
    primary key (tenant_id, subject, rule)
) with (fillfactor = 50);

alter table ragdz.rate_limits enable row level security;
alter table ragdz.rate_limits force row level security;
create policy rate_limits_own on ragdz.rate_limits for all to ragdz_app
    using (tenant_id = ragdz.current_tenant()) with check (tenant_id = ragdz.current_tenant());
grant select, insert, update, delete on ragdz.rate_limits to ragdz_app;

-- Gives tokens back and takes others, of several limits of the current tenant, for one node. One row for each limit asked
-- for, in the same order. Rows are locked in one order by everybody, so that two nodes cannot wait for each other.
-- `at_nanos` is the time for tests; null is now.
create function ragdz.lease_rates(
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
        values (ragdz.current_tenant(), asked.subject, asked.rule, 0, asked.gap)
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
        where r.tenant_id = ragdz.current_tenant() and r.subject = asked.subject and r.rule = asked.rule;
        return next;
    end loop;
end
$$;
revoke all on function ragdz.lease_rates(text[], text[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint)
    from public;
grant execute on function ragdz.lease_rates(text[], text[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint)
    to ragdz_app;
