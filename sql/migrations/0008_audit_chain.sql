-- The log of changes becomes a chain: each entry's hash covers the entry and the hash before it, so that an entry cannot
-- be changed, left out or put in later without all hashes behind it being wrong.

create table ragdz.audit_heads (
    tenant_id uuid not null primary key,
    -- Of the newest entry.
    sequence bigint not null,
    hash bytea not null check (octet_length(hash) = 32)
);

alter table ragdz.audit_heads enable row level security;
alter table ragdz.audit_heads force row level security;
create policy audit_heads_own on ragdz.audit_heads for all to ragdz_app
    using (tenant_id = ragdz.current_tenant()) with check (tenant_id = ragdz.current_tenant());
create policy audit_heads_operator on ragdz.audit_heads for all to ragdz_operator using (true) with check (true);
grant select on ragdz.audit_heads to ragdz_app, ragdz_operator;
-- Only the trigger below writes it.
grant select, insert, update on ragdz.audit_heads to ragdz_definer;

alter table ragdz.audit_log
    add column sequence bigint,
    add column hash bytea;

-- A text with its length in front, so that no two rows have the same bytes; an absent one has the length -1.
create function ragdz.audit_field(value text) returns bytea
language sql immutable parallel safe set search_path = pg_catalog, pg_temp
return case when value is null then int8send(-1)
    else int8send(octet_length(convert_to(value, 'UTF8'))) || convert_to(value, 'UTF8') end;

create function ragdz.audit_hash(previous bytea, entry ragdz.audit_log) returns bytea
language sql immutable parallel safe set search_path = pg_catalog, pg_temp
return sha256(
    previous || ragdz.audit_field(entry.tenant_id::text) || ragdz.audit_field(entry.sequence::text)
    || ragdz.audit_field(((extract(epoch from entry.happened_at) * 1000000)::bigint)::text)
    || ragdz.audit_field(entry.actor) || ragdz.audit_field(entry.action) || ragdz.audit_field(entry.target)
    || ragdz.audit_field(entry.before::text) || ragdz.audit_field(entry.after::text)
    || ragdz.audit_field(entry.request_id) || ragdz.audit_field(entry.peer));

grant execute on function ragdz.audit_field(text), ragdz.audit_hash(bytea, ragdz.audit_log) to ragdz_definer;

-- Whatever a statement says about place and hash, they are what the chain makes them. The head's row is locked until the
-- transaction ends, so that entries of one tenant are numbered in the order in which they are committed. It runs as
-- the definer, since nobody else may write heads.
create function ragdz.chain_audit_entry() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    head ragdz.audit_heads;
begin
    insert into ragdz.audit_heads as h (tenant_id, sequence, hash)
    values (new.tenant_id, 0, sha256(''::bytea))
    on conflict (tenant_id) do update set sequence = h.sequence
    returning * into head;
    new.sequence := head.sequence + 1;
    new.hash := ragdz.audit_hash(head.hash, new);
    update ragdz.audit_heads h set sequence = new.sequence, hash = new.hash where h.tenant_id = new.tenant_id;
    return new;
end
$$;
alter function ragdz.chain_audit_entry() owner to ragdz_definer;
revoke all on function ragdz.chain_audit_entry() from public;

-- What was written before is chained in the order in which it was written.
alter table ragdz.audit_log no force row level security;
alter table ragdz.audit_heads no force row level security;
do $$
declare
    entry ragdz.audit_log;
    head ragdz.audit_heads;
begin
    for entry in select * from ragdz.audit_log order by tenant_id, id loop
        if head.tenant_id is distinct from entry.tenant_id then
            head := row(entry.tenant_id, 0, sha256(''::bytea));
        end if;
        entry.sequence := head.sequence + 1;
        head.hash := ragdz.audit_hash(head.hash, entry);
        head.sequence := entry.sequence;
        update ragdz.audit_log l set sequence = head.sequence, hash = head.hash
        where l.tenant_id = entry.tenant_id and l.id = entry.id;
        insert into ragdz.audit_heads as h (tenant_id, sequence, hash) values (head.tenant_id, head.sequence, head.hash)
        on conflict (tenant_id) do update set sequence = excluded.sequence, hash = excluded.hash;
    end loop;
end
$$;
alter table ragdz.audit_log force row level security;
alter table ragdz.audit_heads force row level security;

alter table ragdz.audit_log
    alter column sequence set not null,
    alter column hash set not null,
    add constraint audit_log_sequence unique (tenant_id, sequence);

create trigger audit_log_chain before insert on ragdz.audit_log
    for each row execute function ragdz.chain_audit_entry();

-- Nobody is granted it; this stops who needs no grant and makes a mistake.
create function ragdz.refuse_audit_change() returns trigger language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'the audit log is only ever added to' using errcode = 'restrict_violation';
end
$$;
create trigger audit_log_append_only before update or delete or truncate on ragdz.audit_log
    for each statement execute function ragdz.refuse_audit_change();
