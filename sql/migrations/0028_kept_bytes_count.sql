-- What failed for a reason that may pass keeps its bytes for a day, and they count: its room in the quota of bytes stays set aside
-- until it is tried again, deleted with its document, or forgotten. Its document is not counted: it is none.

create or replace function ragdz.release_ingest() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    part record;
    keeps boolean := false;
begin
    if tg_op = 'UPDATE' then
        keeps := new.state = 4 and exists (
            select from ragdz.ingest_pieces p where p.tenant_id = new.tenant_id and p.ingest_id = new.id);
    end if;
    if keeps then
        update ragdz.quota_reservations r set expire_time = new.due_at
        where r.tenant_id = new.tenant_id and r.id = new.id and not r.is_released;
    end if;
    for part in
        with gone as (
            delete from ragdz.quota_reservations r
            where r.tenant_id = old.tenant_id and (
                r.id = md5(old.id::text || '/documents')::uuid or r.id = old.id and (not keeps or r.is_released))
            returning r.quota, r.amount, r.is_released
        )
        select g.quota, g.amount from gone g where not g.is_released order by g.quota
    loop
        update ragdz.quota_usage u set reserved = greatest(u.reserved - part.amount, 0)
        where u.tenant_id = old.tenant_id and u.quota = part.quota;
    end loop;
    return null;
end
$$;

-- One that is tried again: what was set aside for it is given back by the first of the two and set aside anew by the second.
create trigger ingests_again after update of state on ragdz.ingests
    for each row when (old.state = 4 and new.state <> 4) execute function ragdz.release_ingest();
drop trigger ingests_deleted on ragdz.ingests;
create trigger ingests_deleted after delete on ragdz.ingests
    for each row when (old.state in (1, 2, 4) or old.state = 0 and old.declared_size is not null)
    execute function ragdz.release_ingest();
-- Triggers fire in the order of their names: ingests_accepted would come before ingests_again.
drop trigger ingests_accepted on ragdz.ingests;
create trigger ingests_begins after update of state on ragdz.ingests
    for each row when (
        new.state = 1 and old.state not in (1, 2) and (old.state > 0 or new.declared_size is null))
    execute function ragdz.reserve_ingest();
grant select on ragdz.ingest_pieces to ragdz_definer;
