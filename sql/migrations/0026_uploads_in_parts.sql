-- Uploads that go on where they broke off: their bytes come in parts, each with its place, and the server says how far it has them.

alter table ragdz.ingests
    -- Bytes that the whole will have; null: they come in one call.
    add column declared_size bigint check (declared_size > 0);

-- Room for all of it is set aside at the beginning, not when the last byte is there; nobody sends for an hour what cannot be kept.
-- What was set aside for longer than an hour is decided by the storing, as before.
create or replace function ragdz.reserve_ingest() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    old_bytes bigint;
    part record;
    terms record;
    entry ragdz.quota_usage;
begin
    select d.byte_size into old_bytes
    from ragdz.documents d where d.tenant_id = new.tenant_id and d.id = new.document_id;
    for part in
        select p.quota, p.id, p.amount
        from (values
            ('bytes', new.id, greatest(coalesce(new.declared_size, new.byte_size) - coalesce(old_bytes, 0), 0)),
            ('documents', md5(new.id::text || '/documents')::uuid, (old_bytes is null)::integer::bigint)) p (quota, id, amount)
        where p.amount > 0
        order by p.quota
    loop
        select * into terms from ragdz.quota_terms(new.tenant_id, part.quota, clock_timestamp());
        entry := ragdz.lock_quota(new.tenant_id, part.quota, terms.month);
        if part.amount > terms.allowed - entry.used - entry.reserved then
            perform ragdz.refuse_quota(entry, terms.allowed, part.amount, terms.reset_time);
        end if;
        insert into ragdz.quota_reservations (tenant_id, id, quota, amount, month, expire_time)
        values (new.tenant_id, part.id, part.quota, part.amount, entry.month, clock_timestamp() + interval '1 hour');
        entry.reserved := entry.reserved + part.amount;
        perform ragdz.store_quota(entry);
    end loop;
    return null;
end
$$;

drop trigger ingests_accepted on ragdz.ingests;
create trigger ingests_accepted after update of state on ragdz.ingests
    for each row when (
        new.state = 1 and old.state not in (1, 2) and (old.state > 0 or new.declared_size is null))
    execute function ragdz.reserve_ingest();
create trigger ingests_begun after insert on ragdz.ingests
    for each row when (new.declared_size is not null) execute function ragdz.reserve_ingest();
drop trigger ingests_deleted on ragdz.ingests;
create trigger ingests_deleted after delete on ragdz.ingests
    for each row when (old.state in (1, 2) or old.state = 0 and old.declared_size is not null)
    execute function ragdz.release_ingest();
