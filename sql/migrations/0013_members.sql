-- The people of a tenant: members with a role and a password, invitations, and the sessions of the console.

create table ragdz.members (
    tenant_id uuid not null references ragdz.tenants (tenant_id),
    member_id uuid not null,
    -- NFC and lower case.
    email text not null check (octet_length(email) between 3 and 254),
    name text not null check (char_length(name) between 1 and 254),
    role text not null check (role in ('viewer', 'member', 'admin', 'owner')),
    -- Algorithm, parameters, salt and hash in one text: $scrypt$ln=15,r=8,p=3$…$…
    password text not null,
    create_time timestamptz not null default clock_timestamp(),
    last_login_time timestamptz,
    primary key (tenant_id, member_id),
    unique (tenant_id, email)
);
create index members_by_create_time on ragdz.members (tenant_id, create_time, member_id);

create table ragdz.invitations (
    tenant_id uuid not null references ragdz.tenants (tenant_id),
    invitation_id uuid not null,
    email text not null check (octet_length(email) between 3 and 254),
    role text not null check (role in ('viewer', 'member', 'admin', 'owner')),
    -- SHA-256 of the token, whose secret has 256 random bits: slow hashing is for what people think up.
    token_hash bytea not null check (octet_length(token_hash) = 32),
    invited_by text not null,
    create_time timestamptz not null default clock_timestamp(),
    expire_time timestamptz not null,
    accept_time timestamptz,
    revoke_time timestamptz,
    primary key (tenant_id, invitation_id),
    check (accept_time is null or revoke_time is null)
);
-- An invitation's id names one of the whole platform: that is how a token finds its tenant.
create unique index invitations_by_id on ragdz.invitations (invitation_id);
create unique index invitations_open on ragdz.invitations (tenant_id, email)
    where accept_time is null and revoke_time is null;
create index invitations_by_create_time on ragdz.invitations (tenant_id, create_time, invitation_id);

create table ragdz.sessions (
    tenant_id uuid not null,
    session_id uuid not null,
    member_id uuid not null,
    -- Which refresh token is the one that serves: the newest. Tokens are signed, so none is stored.
    generation bigint not null default 1 check (generation between 1 and 4294967295),
    create_time timestamptz not null default clock_timestamp(),
    refresh_time timestamptz not null default clock_timestamp(),
    end_time timestamptz not null,
    revoke_time timestamptz,
    peer text not null,
    primary key (tenant_id, session_id),
    foreign key (tenant_id, member_id) references ragdz.members (tenant_id, member_id) on delete cascade
);
create unique index sessions_by_id on ragdz.sessions (session_id);
create index sessions_by_member on ragdz.sessions (tenant_id, member_id, create_time);

-- From where a member has logged in: guesses from elsewhere do not count there.
create table ragdz.member_networks (
    tenant_id uuid not null,
    member_id uuid not null,
    -- An IPv4 address or the first 64 bits of an IPv6 one.
    network text not null,
    last_login_time timestamptz not null default clock_timestamp(),
    primary key (tenant_id, member_id, network),
    foreign key (tenant_id, member_id) references ragdz.members (tenant_id, member_id) on delete cascade
);

-- When the next guess at a password is due. Worth minutes, so it begins anew after a crash of the database. The tenant is
-- the nil UUID where a guess names a tenant that does not exist.
create unlogged table ragdz.login_attempts (
    tenant_id uuid not null,
    -- SHA-256 of what is guessed at.
    subject bytea not null,
    arrival_micros bigint not null,
    primary key (tenant_id, subject)
);
create index login_attempts_by_arrival on ragdz.login_attempts (arrival_micros);

do $$
declare
    wanted text;
begin
    foreach wanted in array array['members', 'invitations', 'sessions', 'member_networks', 'login_attempts'] loop
        execute format('alter table ragdz.%I enable row level security', wanted);
        execute format('alter table ragdz.%I force row level security', wanted);
        execute format(
            'create policy %I on ragdz.%I for all to ragdz_app using (tenant_id = ragdz.current_tenant()) '
            'with check (tenant_id = ragdz.current_tenant())', wanted || '_own', wanted);
    end loop;
end
$$;
-- An operator invites, so that a new tenant gets its first owner, and sees nothing else of people.
create policy invitations_operator on ragdz.invitations for all to ragdz_operator using (true) with check (true);

grant select, insert, delete, update (role, name, password, last_login_time) on ragdz.members to ragdz_app;
grant select, insert, update (accept_time, revoke_time) on ragdz.invitations to ragdz_app, ragdz_operator;
grant select, insert, delete, update (generation, refresh_time, revoke_time) on ragdz.sessions to ragdz_app;
grant select, insert, delete, update (last_login_time) on ragdz.member_networks to ragdz_app;
grant select, delete on ragdz.login_attempts to ragdz_app;
grant insert, update on ragdz.login_attempts to ragdz_definer;

-- Processes that remember sessions hear of what ends or changes them on the channel of the keys.
create function ragdz.announce_session_change() returns trigger language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    perform pg_notify('ragdz_keys', 'session:' || old.session_id);
    return null;
end
$$;
create function ragdz.announce_member_change() returns trigger language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    perform pg_notify('ragdz_keys', 'tenant:' || old.tenant_id);
    return null;
end
$$;
create trigger sessions_announce after delete or update of revoke_time
    on ragdz.sessions for each row execute function ragdz.announce_session_change();
create trigger members_announce after delete or update of role
    on ragdz.members for each row execute function ragdz.announce_member_change();

-- A member counts against the tenant's quota for as long as it is there.
create trigger members_joined after insert on ragdz.members
    referencing new table as changed for each statement execute function ragdz.count_rows('members');
create trigger members_left after delete on ragdz.members
    referencing old table as changed for each statement execute function ragdz.count_rows('members');

-- As before, and members.
create or replace function ragdz.count_quota(tenant uuid, wanted text, in_month date, otherwise bigint) returns bigint
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
    elsif wanted = 'members' then
        select count(*) into total from ragdz.members m where m.tenant_id = tenant;
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

-- The caller of a session is not known before the session is looked up.
create function ragdz.find_session(wanted uuid)
returns table (
    tenant_id uuid, tenant_status text, tenant_plan text, member_id uuid, role text, end_time timestamptz,
    revoke_time timestamptz
)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    select s.tenant_id, t.status, t.plan, s.member_id, m.role, s.end_time, s.revoke_time
    from ragdz.sessions s
    join ragdz.members m on m.tenant_id = s.tenant_id and m.member_id = s.member_id
    join ragdz.tenants t on t.tenant_id = s.tenant_id
    where s.session_id = wanted
$$;

-- Who has an invitation's token belongs to nobody yet.
create function ragdz.find_invitation(wanted uuid)
returns table (
    tenant_id uuid, tenant_slug text, tenant_status text, email text, role text, token_hash bytea,
    expire_time timestamptz, accept_time timestamptz, revoke_time timestamptz
)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    select i.tenant_id, t.slug, t.status, i.email, i.role, i.token_hash, i.expire_time, i.accept_time, i.revoke_time
    from ragdz.invitations i
    join ragdz.tenants t on t.tenant_id = i.tenant_id
    where i.invitation_id = wanted
$$;

-- What a guess is counted under. Never the words themselves: this table is no list of addresses.
create function ragdz.login_subject(slug text, email text, network text) returns bytea
language sql immutable parallel safe set search_path = pg_catalog, pg_temp
return sha256(convert_to(length(slug) || ':' || slug || ':' || length(email) || ':' || email || ':' || network, 'UTF8'));

-- One guess, by the generic cell rate algorithm: 0 when it is due, else the microseconds to wait. A wait is never longer
-- than the whole burst takes, also when the clock has jumped back.
create function ragdz.charge_login(tenant uuid, guessed bytea, moment bigint, gap bigint, burst bigint) returns bigint
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
    due bigint;
begin
    insert into ragdz.login_attempts as a (tenant_id, subject, arrival_micros) values (tenant, guessed, moment + gap)
    on conflict (tenant_id, subject) do update
        set arrival_micros = least(greatest(a.arrival_micros, moment), moment + gap * (burst - 1)) + gap
        where greatest(a.arrival_micros, moment) <= moment + gap * (burst - 1)
            or a.arrival_micros > moment + gap * burst
    returning a.arrival_micros into due;
    if found then return 0; end if;
    select a.arrival_micros - (moment + gap * (burst - 1)) into due
    from ragdz.login_attempts a where a.tenant_id = tenant and a.subject = guessed;
    return greatest(coalesce(due, gap), 1);
end
$$;

-- The beginning of a login, before the caller is known: counts the guess, and gives what the password is checked against. A
-- guess counts for the account from its network, and for the account as a whole unless the member has logged in from
-- there before: so strangers use up what strangers have, and not what the member has. The same work is done, and the
-- same rows are locked, whether the account exists or not. `at_micros` is the time for tests; null is now.
create function ragdz.begin_login(
    slug text, email text, network text, account_gap bigint, account_burst bigint, network_gap bigint,
    network_burst bigint, at_micros bigint
)
returns table (wait_micros bigint, tenant_id uuid, tenant_status text, member_id uuid, password text)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    moment bigint := coalesce(at_micros, (extract(epoch from clock_timestamp()) * 1000000)::bigint);
    tenant uuid := '00000000-0000-0000-0000-000000000000';
    known boolean := false;
begin
    delete from ragdz.login_attempts where ctid = any (array(
        select ctid from ragdz.login_attempts where arrival_micros < moment order by arrival_micros limit 8
        for update skip locked));
    select t.tenant_id, t.status into begin_login.tenant_id, begin_login.tenant_status
    from ragdz.tenants t where t.slug = begin_login.slug;
    tenant := coalesce(begin_login.tenant_id, tenant);
    select m.member_id, m.password into begin_login.member_id, begin_login.password
    from ragdz.members m where m.tenant_id = tenant and m.email = begin_login.email;
    select true into known from ragdz.member_networks n
    where n.tenant_id = tenant and n.member_id = begin_login.member_id and n.network = begin_login.network
        and n.last_login_time > clock_timestamp() - interval '90 days';
    begin_login.wait_micros := ragdz.charge_login(
        tenant, ragdz.login_subject(begin_login.slug, begin_login.email, begin_login.network), moment, network_gap,
        network_burst);
    if begin_login.wait_micros = 0 and known is not true then
        begin_login.wait_micros := ragdz.charge_login(
            tenant, ragdz.login_subject(begin_login.slug, begin_login.email, ''), moment, account_gap, account_burst);
    end if;
    return next;
end
$$;

grant execute on function ragdz.login_subject(text, text, text) to ragdz_definer, ragdz_app;
grant execute on function ragdz.charge_login(uuid, bytea, bigint, bigint, bigint) to ragdz_definer;
revoke all on function ragdz.charge_login(uuid, bytea, bigint, bigint, bigint) from public;
alter function ragdz.find_session(uuid) owner to ragdz_definer;
alter function ragdz.find_invitation(uuid) owner to ragdz_definer;
alter function ragdz.begin_login(text, text, text, bigint, bigint, bigint, bigint, bigint) owner to ragdz_definer;
revoke all on function ragdz.find_session(uuid), ragdz.find_invitation(uuid),
    ragdz.begin_login(text, text, text, bigint, bigint, bigint, bigint, bigint) from public;
grant execute on function ragdz.find_session(uuid), ragdz.find_invitation(uuid),
    ragdz.begin_login(text, text, text, bigint, bigint, bigint, bigint, bigint) to ragdz_app;
