-- Operators by name, and their own log: what they do to a tenant stands in the tenant's log and in theirs.

alter table ragdz.operator_credentials
    add column created_by text not null default 'system',
    drop constraint operator_credentials_name_key;
-- A name is that of one live credential; ended ones keep it for the log.
create unique index operator_credentials_live on ragdz.operator_credentials (name) where revoke_time is null;
create index operator_credentials_by_create_time on ragdz.operator_credentials (create_time, credential_id);

-- The platform's log is the one of the nil UUID. Every entry that an operator or a service of the platform causes in a
-- tenant's log causes one there, in the same transaction, by whatever statement: a link with the number and the hash of the
-- tenant's entry, and none of its content, so that what is known of a tenant stays with the tenant. It runs as the
-- definer, since a tenant's own unit may not write there.
create function ragdz.link_operator_entry() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    insert into ragdz.audit_log (tenant_id, actor, action, target, after, request_id, peer)
    values (
        '00000000-0000-0000-0000-000000000000', new.actor, new.action, new.tenant_id::text,
        jsonb_build_object('target', new.target, 'sequence', new.sequence, 'hash', encode(new.hash, 'hex')),
        new.request_id, new.peer);
    return null;
end
$$;
grant insert on ragdz.audit_log to ragdz_definer;
alter function ragdz.link_operator_entry() owner to ragdz_definer;
revoke all on function ragdz.link_operator_entry() from public;

create trigger audit_log_operators after insert on ragdz.audit_log
    for each row
    when (new.tenant_id <> '00000000-0000-0000-0000-000000000000'
        and (new.actor like 'operator:%' or new.actor like 'service:%'))
    execute function ragdz.link_operator_entry();
