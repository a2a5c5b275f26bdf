-- Keys that are to be rotated by a date, calls at once, rotations that may be asked for twice, and hashes that are made
-- anew when the pepper has changed.

alter table ragdz.keys
    -- Calls that may be under way at once on one node; 0: as many as the plan allows.
    add column concurrent_calls bigint not null default 0 check (concurrent_calls between 0 and 1000000),
    -- How long a secret lives; null: as long as its key.
    add column rotation_period_micros bigint check (rotation_period_micros > 0);
grant update (concurrent_calls, rotation_period_micros) on ragdz.keys to ragdz_app;

alter table ragdz.key_secrets
    -- Which request made it, as a digest of who asked and how it was called; null: nobody will ask again.
    add column request_digest bytea check (octet_length(request_digest) = 32);
grant update (pepper_version, hash) on ragdz.key_secrets to ragdz_app;

drop trigger keys_announce on ragdz.keys;
create trigger keys_announce
    after insert or delete or update of scopes, expire_time, disabled, revoke_time, requests_per_minute,
        requests_per_hour, request_burst, concurrent_calls, allowed_networks
    on ragdz.keys for each row execute function ragdz.announce_key_change();

drop function ragdz.find_key(text);
create function ragdz.find_key(wanted text)
returns table (
    tenant_id uuid, tenant_status text, tenant_plan text, scopes text[], expire_time timestamptz, disabled boolean,
    revoke_time timestamptz, requests_per_minute bigint, requests_per_hour bigint, request_burst bigint,
    concurrent_calls bigint, allowed_networks text[], generation integer, pepper_version integer, hash bytea,
    secret_expire_time timestamptz
)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    select k.tenant_id, t.status, t.plan, k.scopes, k.expire_time, k.disabled, k.revoke_time, k.requests_per_minute,
        k.requests_per_hour, k.request_burst, k.concurrent_calls, k.allowed_networks, s.generation, s.pepper_version,
        s.hash, s.expire_time
    from ragdz.keys k
    join ragdz.tenants t on t.tenant_id = k.tenant_id
    join ragdz.key_secrets s on s.tenant_id = k.tenant_id and s.key_id = k.key_id
    where k.key_id = wanted
    order by s.generation desc
$$;
alter function ragdz.find_key(text) owner to ragdz_definer;
revoke all on function ragdz.find_key(text) from public;
grant execute on function ragdz.find_key(text) to ragdz_app;
