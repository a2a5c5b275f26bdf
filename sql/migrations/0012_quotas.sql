-- Quotas: how much of the platform a tenant's plan gives it. What is held (documents, chunks, bytes, members, keys) counts
-- while it is there; what is used up (queries, tokens, runs) counts by the month of the tenant's own time zone.
--
-- The counters are kept by triggers and by the functions below, which nobody else can stand in for: the server may read
-- them and not write them. A counter's row is locked before it is read, so that no two callers see the same room in it.

-- What each plan gives. A version takes effect at its time and replaces the one before; old ones stay as history.
create table ragdz.plan_limits (
    plan text not null,
    version integer not null check (version > 0),
    quota text not null check (
        quota in ('documents', 'chunks', 'bytes', 'members', 'keys', 'queries', 'tokens', 'runs')),
    -- Null: as much as it likes.
    allowed bigint check (allowed >= 0),
    effective_time timestamptz not null default '2026-01-01 00:00:00+00',
    primary key (plan, quota, version)
);

insert into ragdz.plan_limits (plan, version, quota, allowed)
select p.plan, 1, p.quota, p.allowed
from (values
    ('free', 'documents', 1000), ('starter', 'documents', 10000), ('pro', 'documents', 100000),
    ('free', 'chunks', 50000), ('starter', 'chunks', 500000), ('pro', 'chunks', 5000000),
    ('free', 'bytes', 1073741824), ('starter', 'bytes', 10737418240), ('pro', 'bytes', 107374182400),
    ('free', 'members', 5), ('starter', 'members', 25), ('pro', 'members', 250),
    ('free', 'keys', 100), ('starter', 'keys', 500), ('pro', 'keys', 5000),
    ('free', 'queries', 10000), ('starter', 'queries', 100000), ('pro', 'queries', 1000000),
    ('free', 'tokens', 2000000), ('starter', 'tokens', 20000000), ('pro', 'tokens', 200000000),
    ('free', 'runs', 1000), ('starter', 'runs', 10000), ('pro', 'runs', 100000),
    ('enterprise', 'documents', null), ('enterprise', 'chunks', null), ('enterprise', 'bytes', null),
    ('enterprise', 'members', null), ('enterprise', 'keys', null), ('enterprise', 'queries', null),
    ('enterprise', 'tokens', null), ('enterprise', 'runs', null)
) as p (plan, quota, allowed);

-- What an operator gave one tenant instead.
create table ragdz.quota_overrides (
    tenant_id uuid not null references ragdz.tenants (tenant_id),
    quota text not null check (
        quota in ('documents', 'chunks', 'bytes', 'members', 'keys', 'queries', 'tokens', 'runs')),
    -- Null: as much as it likes.
    allowed bigint check (allowed >= 0),
    primary key (tenant_id, quota)
);

create table ragdz.quota_usage (
    tenant_id uuid not null,
    quota text not null,
    -- The first day of the month that is counted; null for what is held.
    month date,
    used bigint not null default 0 check (used >= 0),
    -- Set aside by open reservations.
    reserved bigint not null default 0 check (reserved >= 0),
    primary key (tenant_id, quota)
) with (fillfactor = 50);

-- Room that somebody has set aside and will settle with what it really took.
create table ragdz.quota_reservations (
    tenant_id uuid not null,
    id uuid not null,
    quota text not null,
    amount bigint not null check (amount >= 0),
    -- As in quota_usage: it is settled in the month in which it was made.
    month date,
    -- From then on its holder counts as dead.
    expire_time timestamptz not null,
    -- The room went back, because the holder did not settle in time. The row stays for a day, for one who settles late.
    is_released boolean not null default false,
    primary key (tenant_id, id)
);
create index quota_reservations_by_expiry on ragdz.quota_reservations (expire_time);

do $$
declare name text;
begin
    foreach name in array array['quota_overrides', 'quota_usage', 'quota_reservations'] loop
        execute format('alter table ragdz.%I enable row level security', name);
        execute format('alter table ragdz.%I force row level security', name);
        execute format(
            'create policy %I on ragdz.%I for all to ragdz_app '
            'using (tenant_id = ragdz.current_tenant()) with check (tenant_id = ragdz.current_tenant())',
            name || '_own', name);
        execute format(
            'create policy %I on ragdz.%I for all to ragdz_operator using (true) with check (true)',
            name || '_operator', name);
        execute format('grant select on ragdz.%I to ragdz_app, ragdz_operator', name);
    end loop;
end
$$;
grant select on ragdz.plan_limits to ragdz_app, ragdz_operator;
grant insert, update, delete on ragdz.quota_overrides to ragdz_operator;
grant insert, update on ragdz.quota_usage, ragdz.quota_reservations to ragdz_definer;

-- What holds for a tenant at a moment: how much it is allowed (null: no limit), the month that is counted, and when the
-- next one begins. Neither a clock that is set back nor a time zone farther west brings an old month back, so that each
-- month's allowance is given once. A tenant has a row for as long as anything of it is known; what is written for nobody's tenant, such
-- as by a test, is counted and not limited.
create function ragdz.quota_terms(
    tenant uuid, wanted text, moment timestamptz,
    out allowed bigint, out month date, out reset_time timestamptz, out plan_version integer, out is_overridden boolean
)
language sql stable set search_path = pg_catalog, pg_temp
as $$
    select
        case when t.tenant_id is null then null when o.tenant_id is not null then o.allowed
            when l.version is null then 0 else l.allowed end,
        m.month,
        (m.month + interval '1 month') at time zone coalesce(t.timezone, 'UTC'),
        coalesce(l.version, 0),
        o.tenant_id is not null
    from (values (1)) as one
    left join ragdz.tenants t on t.tenant_id = tenant
    left join ragdz.quota_overrides o on o.tenant_id = tenant and o.quota = wanted
    left join ragdz.quota_usage u on u.tenant_id = tenant and u.quota = wanted
    left join lateral (
        select p.version, p.allowed
        from ragdz.plan_limits p
        where p.plan = t.plan and p.quota = wanted and p.effective_time <= moment
        order by p.version desc
        limit 1
    ) l on true
    cross join lateral (
        select case when wanted in ('queries', 'tokens', 'runs')
            then greatest(u.month, date_trunc('month', moment at time zone coalesce(t.timezone, 'UTC'))::date)
            end as month
    ) m
$$;

-- Locks a counter until the transaction ends and gives it as it stands in `new_month`, which ends the month before.
create function ragdz.lock_quota(tenant uuid, wanted text, new_month date) returns ragdz.quota_usage
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    entry ragdz.quota_usage;
begin
    loop
        select * into entry from ragdz.quota_usage u where u.tenant_id = tenant and u.quota = wanted for update;
        exit when found;
        insert into ragdz.quota_usage (tenant_id, quota, month) values (tenant, wanted, new_month)
        on conflict do nothing;
    end loop;
    if new_month > entry.month then
        entry.month := new_month;
        entry.used := 0;
        entry.reserved := 0;
    end if;
    return entry;
end
$$;

create function ragdz.store_quota(entry ragdz.quota_usage) returns void
language sql volatile set search_path = pg_catalog, pg_temp
as $$
    update ragdz.quota_usage u set month = entry.month, used = entry.used, reserved = entry.reserved
    where u.tenant_id = entry.tenant_id and u.quota = entry.quota
$$;

-- The refusal that everybody gives. The server reads its detail (Status+Quota.swift).
create function ragdz.refuse_quota(entry ragdz.quota_usage, allowed bigint, wanted bigint, reset_time timestamptz)
returns void
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'the quota of % is used up', entry.quota using errcode = 'RQ001',
        detail = jsonb_build_object(
            'quota', entry.quota, 'limit', allowed::text, 'used', (entry.used + entry.reserved)::text,
            'wanted', wanted::text,
            'reset_micros', coalesce((extract(epoch from reset_time) * 1000000)::bigint, 0)::text)::text;
end
$$;

-- Counts what is there now, or is no more there. Who works in nobody's name (a migration, a repair) is counted and not
-- refused. What goes away is given back even when nothing was ever counted, and makes no counter.
create function ragdz.charge_quota(tenant uuid, wanted text, amount bigint) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    terms record;
    entry ragdz.quota_usage;
begin
    if amount < 0 then
        update ragdz.quota_usage u set used = greatest(u.used + amount, 0)
        where u.tenant_id = tenant and u.quota = wanted;
    elsif amount > 0 then
        select * into terms from ragdz.quota_terms(tenant, wanted, clock_timestamp());
        entry := ragdz.lock_quota(tenant, wanted, terms.month);
        if amount > terms.allowed - entry.used - entry.reserved
            and (ragdz.current_tenant() is not null or current_setting('role') = 'ragdz_operator') then
            perform ragdz.refuse_quota(entry, terms.allowed, amount, terms.reset_time);
        end if;
        entry.used := entry.used + amount;
        perform ragdz.store_quota(entry);
    end if;
end
$$;

-- Trigger on a table of which a quota counts the rows: `execute function ragdz.count_rows('members')`, once
-- `after insert … referencing new table as changed` and once `after delete … referencing old table as changed`, both for
-- each statement. The statement that goes beyond the limit fails with SQLSTATE RQ001, and its transaction with it.
create function ragdz.count_rows() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    tenant uuid;
    amount bigint;
begin
    for tenant, amount in select c.tenant_id, count(*) from changed c group by c.tenant_id order by c.tenant_id loop
        perform ragdz.charge_quota(tenant, tg_argv[0], case tg_op when 'DELETE' then -amount else amount end);
    end loop;
    return null;
end
$$;

-- A key counts until it is revoked.
create function ragdz.count_keys() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    tenant uuid;
    amount bigint;
begin
    if tg_level = 'ROW' then
        perform ragdz.charge_quota(new.tenant_id, 'keys', case when new.revoke_time is null then 1 else -1 end);
        return null;
    end if;
    for tenant, amount in
        select c.tenant_id, count(*) from changed c where c.revoke_time is null group by c.tenant_id order by c.tenant_id
    loop
        perform ragdz.charge_quota(tenant, 'keys', case tg_op when 'DELETE' then -amount else amount end);
    end loop;
    return null;
end
$$;

-- A document counts with its chunks and its bytes. Counters are locked in the order of their names, by everybody.
create function ragdz.count_documents() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    part record;
begin
    if tg_level = 'ROW' then
        perform ragdz.charge_quota(new.tenant_id, 'bytes', new.byte_size - old.byte_size);
        perform ragdz.charge_quota(new.tenant_id, 'chunks', (new.chunk_count - old.chunk_count)::bigint);
        return null;
    end if;
    for part in
        select c.tenant_id, (case tg_op when 'DELETE' then -1 else 1 end)::bigint as sign, count(*) as documents,
            sum(c.chunk_count)::bigint as chunks, sum(c.byte_size)::bigint as bytes
        from changed c group by c.tenant_id order by c.tenant_id
    loop
        perform ragdz.charge_quota(part.tenant_id, 'bytes', part.sign * part.bytes);
        perform ragdz.charge_quota(part.tenant_id, 'chunks', part.sign * part.chunks);
        perform ragdz.charge_quota(part.tenant_id, 'documents', part.sign * part.documents);
    end loop;
    return null;
end
$$;

create trigger documents_stored after insert on ragdz.documents
    referencing new table as changed for each statement execute function ragdz.count_documents();
create trigger documents_deleted after delete on ragdz.documents
    referencing old table as changed for each statement execute function ragdz.count_documents();
create trigger documents_changed after update of byte_size, chunk_count on ragdz.documents
    for each row when (new.byte_size <> old.byte_size or new.chunk_count <> old.chunk_count)
    execute function ragdz.count_documents();
create trigger keys_made after insert on ragdz.keys
    referencing new table as changed for each statement execute function ragdz.count_keys();
create trigger keys_deleted after delete on ragdz.keys
    referencing old table as changed for each statement execute function ragdz.count_keys();
create trigger keys_revoked after update of revoke_time on ragdz.keys
    for each row when ((new.revoke_time is null) <> (old.revoke_time is null))
    execute function ragdz.count_keys();
-- A run that was started is used up, however it ends.
create trigger runs_started after insert on ragdz.runs
    referencing new table as changed for each statement execute function ragdz.count_rows('runs');

-- Settles one reservation of the current tenant with what it really took, and makes another one of the same quota, in one
-- step. Either may be left out (null).
--
-- What was taken counts in full, also when it is more than was set aside: the counter may then stand above its limit,
-- and nothing more is given until it is below. A reservation that was released because its holder was late is counted
-- all the same; one that is not known any more was settled before. So a call may be repeated when its answer was lost:
-- it counts once and gives the same.
--
-- Given are `wanted` and of what is left then a sixteenth, at most `spare`: the less is left, the less anybody holds back.
-- With less than `at_least` there nothing is given. `moment` is the time for tests; null is now.
create function ragdz.turn_quota(
    wanted_quota text, settled uuid, spent bigint, opened uuid, at_least bigint, wanted bigint, spare bigint,
    lifetime_micros bigint, moment timestamptz
)
returns table (granted bigint, used bigint, reserved bigint, allowed bigint, reset_time timestamptz)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    tenant constant uuid := ragdz.current_tenant();
    terms record;
    before ragdz.quota_reservations;
    entry ragdz.quota_usage;
    room bigint;
begin
    if tenant is null then
        return;
    end if;
    moment := coalesce(moment, clock_timestamp());
    delete from ragdz.quota_reservations r
    where r.tenant_id = tenant and r.id = settled and r.quota = wanted_quota
    returning r.* into before;
    select * into terms from ragdz.quota_terms(tenant, wanted_quota, moment);
    entry := ragdz.lock_quota(tenant, wanted_quota, terms.month);
    if before.id is not null and before.month is not distinct from entry.month then
        entry.used := entry.used + greatest(spent, 0);
        if not before.is_released then
            entry.reserved := greatest(entry.reserved - before.amount, 0);
        end if;
    end if;
    granted := 0;
    if opened is not null then
        select r.amount into granted
        from ragdz.quota_reservations r where r.tenant_id = tenant and r.id = opened and not r.is_released;
        if not found then
            -- It was made before, and released before anybody heard of it.
            delete from ragdz.quota_reservations r where r.tenant_id = tenant and r.id = opened;
            room := case when terms.allowed is null then wanted + 16 * spare
                else greatest(terms.allowed - entry.used - entry.reserved, 0) end;
            granted := least(room, wanted + least(spare, greatest(room - wanted, 0) / 16));
            if granted < at_least then
                granted := 0;
            end if;
            if granted > 0 then
                insert into ragdz.quota_reservations (tenant_id, id, quota, amount, month, expire_time)
                values (
                    tenant, opened, wanted_quota, granted, entry.month,
                    moment + least(greatest(lifetime_micros, 0), 3600000000) * interval '1 microsecond');
                entry.reserved := entry.reserved + granted;
            end if;
        end if;
    end if;
    perform ragdz.store_quota(entry);
    used := entry.used;
    reserved := entry.reserved;
    allowed := terms.allowed;
    reset_time := terms.reset_time;
    return next;
end
$$;

-- Gives back what reservations hold whose holders did not settle in time, of any tenant, and forgets those that were
-- released more than a day ago. Returns how many were released; nothing of theirs is shown.
create function ragdz.release_quotas(at_most integer) returns bigint
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    late record;
    total bigint := 0;
begin
    -- One at a time: two would wait for each other's counters.
    if not pg_try_advisory_xact_lock(hashtextextended('ragdz.release_quotas', 0)) then
        return 0;
    end if;
    for late in
        with expired as (
            select r.tenant_id, r.id from ragdz.quota_reservations r
            where r.expire_time < clock_timestamp() and not r.is_released
            order by r.expire_time
            limit least(greatest(at_most, 0), 1000)
            for update skip locked
        ), marked as (
            update ragdz.quota_reservations r set is_released = true
            from expired e where r.tenant_id = e.tenant_id and r.id = e.id
            returning r.tenant_id, r.quota, r.month, r.amount
        )
        select m.tenant_id, m.quota, m.month, sum(m.amount)::bigint as amount, count(*) as number
        from marked m group by m.tenant_id, m.quota, m.month order by m.tenant_id, m.quota
    loop
        update ragdz.quota_usage u set reserved = greatest(u.reserved - late.amount, 0)
        where u.tenant_id = late.tenant_id and u.quota = late.quota and u.month is not distinct from late.month;
        total := total + late.number;
    end loop;
    delete from ragdz.quota_reservations r
    where r.is_released and r.expire_time < clock_timestamp() - interval '1 day';
    return total;
end
$$;

-- Counts again what a tenant has and compares it with its counters; with `repair`, puts them right. Queries and tokens
-- cannot be counted again: of them only what is reserved is compared. The counters are locked first: what was charged
-- is committed by then and seen, what was not charged is not.
create function ragdz.recount_quotas(tenant uuid, repair boolean)
returns table (quota text, used bigint, used_in_fact bigint, reserved bigint, reserved_in_fact bigint)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    terms record;
    entry ragdz.quota_usage;
begin
    -- Of a tenant that is going nothing is made any more.
    if exists (select from ragdz.tenants t where t.tenant_id = tenant and t.status in ('deleting', 'deleted')) then
        return;
    end if;
    -- Reservations before counters, as everybody does.
    perform from ragdz.quota_reservations r where r.tenant_id = tenant order by r.id for update;
    foreach quota in array array['bytes', 'chunks', 'documents', 'keys', 'members', 'queries', 'runs', 'tokens'] loop
        select * into terms from ragdz.quota_terms(tenant, quota, clock_timestamp());
        entry := ragdz.lock_quota(tenant, quota, terms.month);
        used := entry.used;
        reserved := entry.reserved;
        used_in_fact := ragdz.count_quota(tenant, quota, entry.month, entry.used);
        select coalesce(sum(r.amount), 0)::bigint into reserved_in_fact
        from ragdz.quota_reservations r
        where r.tenant_id = tenant and r.quota = quota and not r.is_released
            and r.month is not distinct from entry.month;
        if repair and (used <> used_in_fact or reserved <> reserved_in_fact) then
            entry.used := used_in_fact;
            entry.reserved := reserved_in_fact;
        end if;
        perform ragdz.store_quota(entry);
        return next;
    end loop;
end
$$;

-- How much of a quota is there in fact; `otherwise` where nothing tells.
create function ragdz.count_quota(tenant uuid, wanted text, in_month date, otherwise bigint) returns bigint
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    zone text;
    total bigint;
begin
    if wanted = 'documents' then
        select count(*) into total from ragdz.documents d where d.tenant_id = tenant;
    elsif wanted = 'bytes' then
        select coalesce(sum(d.byte_size), 0) into total from ragdz.documents d where d.tenant_id = tenant;
    elsif wanted = 'chunks' then
        select count(*) into total from ragdz.chunks c where c.tenant_id = tenant;
    elsif wanted = 'keys' then
        select count(*) into total from ragdz.keys k where k.tenant_id = tenant and k.revoke_time is null;
    elsif wanted = 'runs' then
        select t.timezone into zone from ragdz.tenants t where t.tenant_id = tenant;
        select count(*) into total from ragdz.runs r
        where r.tenant_id = tenant and r.create_time >= in_month::timestamp at time zone coalesce(zone, 'UTC');
    else
        total := otherwise;
    end if;
    return total;
end
$$;

-- What an operator sees of how a tenant uses the platform: numbers only.
create function ragdz.tenant_stats(tenant uuid)
returns table (
    collections bigint, documents bigint, chunks bigint, bytes bigint, live_keys bigint, workflows bigint,
    open_runs bigint, succeeded_runs bigint, failed_runs bigint, cancelled_runs bigint, last_key_use timestamptz,
    last_document_time timestamptz, last_run_time timestamptz
)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    select
        (select count(*) from ragdz.collections c where c.tenant_id = tenant),
        d.documents, (select count(*) from ragdz.chunks c where c.tenant_id = tenant), d.bytes,
        k.live_keys, (select count(*) from ragdz.workflows w where w.tenant_id = tenant),
        r.open_runs, r.succeeded_runs, r.failed_runs, r.cancelled_runs, k.last_key_use, d.last_document_time,
        r.last_run_time
    from (
        select count(*) as documents, coalesce(sum(byte_size), 0)::bigint as bytes, max(create_time) as last_document_time
        from ragdz.documents where tenant_id = tenant
    ) d, (
        select count(*) filter (
                where revoke_time is null and not disabled and (expire_time is null or expire_time > statement_timestamp())
            ) as live_keys,
            max(last_used_time) as last_key_use
        from ragdz.keys where tenant_id = tenant
    ) k, (
        select count(*) filter (where status in (1, 2)) as open_runs, count(*) filter (where status = 3) as succeeded_runs,
            count(*) filter (where status = 4) as failed_runs, count(*) filter (where status = 5) as cancelled_runs,
            max(create_time) as last_run_time
        from ragdz.runs where tenant_id = tenant
    ) r
$$;

-- What is left, without a counter being locked or made: for those who would rather know before they begin. It runs with
-- its caller's rights; only the trigger decides.
create function ragdz.check_quota(wanted text, amount bigint) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
    terms record;
    entry ragdz.quota_usage;
begin
    select * into terms from ragdz.quota_terms(ragdz.current_tenant(), wanted, clock_timestamp());
    select * into entry from ragdz.quota_usage u where u.tenant_id = ragdz.current_tenant() and u.quota = wanted;
    entry.quota := wanted;
    entry.used := case when terms.month > entry.month then 0 else coalesce(entry.used, 0) end;
    entry.reserved := case when terms.month > entry.month then 0 else coalesce(entry.reserved, 0) end;
    if amount > terms.allowed - entry.used - entry.reserved then
        perform ragdz.refuse_quota(entry, terms.allowed, amount, terms.reset_time);
    end if;
end
$$;

alter function ragdz.count_rows() owner to ragdz_definer;
alter function ragdz.count_keys() owner to ragdz_definer;
alter function ragdz.count_documents() owner to ragdz_definer;
alter function ragdz.turn_quota(text, uuid, bigint, uuid, bigint, bigint, bigint, bigint, timestamptz)
    owner to ragdz_definer;
alter function ragdz.release_quotas(integer) owner to ragdz_definer;
alter function ragdz.recount_quotas(uuid, boolean) owner to ragdz_definer;
alter function ragdz.tenant_stats(uuid) owner to ragdz_definer;

revoke all on function ragdz.quota_terms(uuid, text, timestamptz), ragdz.lock_quota(uuid, text, date),
    ragdz.store_quota(ragdz.quota_usage), ragdz.refuse_quota(ragdz.quota_usage, bigint, bigint, timestamptz),
    ragdz.charge_quota(uuid, text, bigint), ragdz.count_rows(), ragdz.count_keys(), ragdz.count_documents(),
    ragdz.turn_quota(text, uuid, bigint, uuid, bigint, bigint, bigint, bigint, timestamptz),
    ragdz.release_quotas(integer), ragdz.recount_quotas(uuid, boolean),
    ragdz.count_quota(uuid, text, date, bigint), ragdz.check_quota(text, bigint),
    ragdz.tenant_stats(uuid)
    from public;
grant execute on function ragdz.quota_terms(uuid, text, timestamptz), ragdz.lock_quota(uuid, text, date),
    ragdz.store_quota(ragdz.quota_usage), ragdz.refuse_quota(ragdz.quota_usage, bigint, bigint, timestamptz),
    ragdz.charge_quota(uuid, text, bigint), ragdz.count_quota(uuid, text, date, bigint) to ragdz_definer;
grant execute on function ragdz.quota_terms(uuid, text, timestamptz),
    ragdz.refuse_quota(ragdz.quota_usage, bigint, bigint, timestamptz), ragdz.check_quota(text, bigint),
    ragdz.turn_quota(text, uuid, bigint, uuid, bigint, bigint, bigint, bigint, timestamptz),
    ragdz.release_quotas(integer) to ragdz_app;
grant execute on function ragdz.quota_terms(uuid, text, timestamptz), ragdz.recount_quotas(uuid, boolean),
    ragdz.tenant_stats(uuid) to ragdz_operator;

-- What is there already.
alter table ragdz.tenants no force row level security;
do $$
declare
    tenant uuid;
begin
    for tenant in select t.tenant_id from ragdz.tenants t where t.status <> 'deleted' loop
        perform ragdz.recount_quotas(tenant, true);
    end loop;
end
$$;
alter table ragdz.tenants force row level security;
