-- API keys, their secrets, the operators' credentials, and the two doors through which a credential is looked up.

create table ragdz.keys (
    tenant_id uuid not null references ragdz.tenants (tenant_id),
    key_id text not null check (key_id ~ '^[0-9A-Za-z]{22}$'),
    name text not null check (char_length(name) between 1 and 100),
    scopes text[] not null check (cardinality(scopes) between 1 and 64),
    expire_time timestamptz,
    disabled boolean not null default false,
    revoke_time timestamptz,
    create_time timestamptz not null default clock_timestamp(),
    last_used_time timestamptz,
    primary key (tenant_id, key_id)
);

-- A key id names one key of the whole platform: that is how a call finds its tenant.
create unique index keys_by_id on ragdz.keys (key_id);
create index keys_by_create_time on ragdz.keys (tenant_id, create_time, key_id);

-- A key has one secret, and a second one while a rotation is in its grace.
create table ragdz.key_secrets (
    tenant_id uuid not null,
    key_id text not null,
    generation integer not null check (generation > 0),
    pepper_version integer not null,
    -- HMAC-SHA-256 of the key's text under the pepper of that version. The secret itself is nowhere.
    hash bytea not null check (octet_length(hash) = 32),
    create_time timestamptz not null default clock_timestamp(),
    -- Null for the newest secret; the end of the grace for the one before.
    expire_time timestamptz,
    primary key (tenant_id, key_id, generation),
    foreign key (tenant_id, key_id) references ragdz.keys (tenant_id, key_id) on delete cascade
);

-- People who run the platform. No tenant can see this table.
create table ragdz.operator_credentials (
    credential_id text not null primary key check (credential_id ~ '^[0-9A-Za-z]{22}$'),
    name text not null unique,
    pepper_version integer not null,
    hash bytea not null check (octet_length(hash) = 32),
    create_time timestamptz not null default clock_timestamp(),
    expire_time timestamptz,
    revoke_time timestamptz
);

alter table ragdz.keys enable row level security;
alter table ragdz.keys force row level security;
alter table ragdz.key_secrets enable row level security;
alter table ragdz.key_secrets force row level security;
alter table ragdz.operator_credentials enable row level security;
alter table ragdz.operator_credentials force row level security;

create policy keys_own on ragdz.keys for all to ragdz_app
    using (tenant_id = ragdz.current_tenant()) with check (tenant_id = ragdz.current_tenant());
create policy keys_operator on ragdz.keys for all to ragdz_operator using (true) with check (true);
create policy key_secrets_own on ragdz.key_secrets for all to ragdz_app
    using (tenant_id = ragdz.current_tenant()) with check (tenant_id = ragdz.current_tenant());
create policy key_secrets_operator on ragdz.key_secrets for all to ragdz_operator using (true) with check (true);
create policy operator_credentials_operator on ragdz.operator_credentials for all to ragdz_operator
    using (true) with check (true);

grant select, insert, update (name, scopes, expire_time, disabled, revoke_time, last_used_time)
    on ragdz.keys to ragdz_app;
grant select, insert, delete, update (expire_time) on ragdz.key_secrets to ragdz_app;
grant select, insert on ragdz.keys, ragdz.key_secrets to ragdz_operator;
grant select, insert, update (revoke_time) on ragdz.operator_credentials to ragdz_operator;

-- The caller of a key is not known before the key is looked up, so the lookup crosses row-level security. It does so
-- for one key id, and gives away nothing but what is needed to check that one credential.
create function ragdz.find_key(wanted text)
returns table (
    tenant_id uuid, tenant_status text, scopes text[], expire_time timestamptz, disabled boolean,
    revoke_time timestamptz, pepper_version integer, hash bytea, secret_expire_time timestamptz
)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    select k.tenant_id, t.status, k.scopes, k.expire_time, k.disabled, k.revoke_time, s.pepper_version, s.hash,
        s.expire_time
    from ragdz.keys k
    join ragdz.tenants t on t.tenant_id = k.tenant_id
    join ragdz.key_secrets s on s.tenant_id = k.tenant_id and s.key_id = k.key_id
    where k.key_id = wanted
    order by s.generation desc
$$;

create function ragdz.find_operator_credential(wanted text)
returns table (
    name text, expire_time timestamptz, revoke_time timestamptz, pepper_version integer, hash bytea
)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    select o.name, o.expire_time, o.revoke_time, o.pepper_version, o.hash
    from ragdz.operator_credentials o
    where o.credential_id = wanted
$$;

grant select on ragdz.tenants, ragdz.keys, ragdz.key_secrets, ragdz.operator_credentials to ragdz_definer;
alter function ragdz.find_key(text) owner to ragdz_definer;
alter function ragdz.find_operator_credential(text) owner to ragdz_definer;
revoke all on function ragdz.find_key(text) from public;
revoke all on function ragdz.find_operator_credential(text) from public;
grant execute on function ragdz.find_key(text) to ragdz_app;
grant execute on function ragdz.find_operator_credential(text) to ragdz_app;

-- Every process that remembers keys listens on this channel. The triggers make it impossible to change what a key may
-- do, by whatever statement, without telling them; the notification leaves with the commit.
create function ragdz.announce_key_change() returns trigger language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    perform pg_notify('ragdz_keys', 'key:' || coalesce(new.key_id, old.key_id));
    return null;
end
$$;

create function ragdz.announce_tenant_change() returns trigger language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    perform pg_notify('ragdz_keys', 'tenant:' || new.tenant_id);
    return null;
end
$$;

create function ragdz.announce_operator_change() returns trigger language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    perform pg_notify('ragdz_keys', 'operator:' || coalesce(new.credential_id, old.credential_id));
    return null;
end
$$;

create trigger keys_announce after insert or delete or update of scopes, expire_time, disabled, revoke_time
    on ragdz.keys for each row execute function ragdz.announce_key_change();
create trigger key_secrets_announce after insert or update or delete
    on ragdz.key_secrets for each row execute function ragdz.announce_key_change();
create trigger tenants_announce after update of status
    on ragdz.tenants for each row execute function ragdz.announce_tenant_change();
create trigger operator_credentials_announce after insert or update or delete
    on ragdz.operator_credentials for each row execute function ragdz.announce_operator_change();
