-- What somebody asked and was answered, so that the next question may go on from it.

create table ragdz.conversations (
    tenant_id uuid not null,
    id uuid not null,
    -- The key or member that made it, as in the audit log: nobody else of the tenant sees it.
    owner text not null check (char_length(owner) between 1 and 200),
    title text not null check (char_length(title) <= 200),
    -- Of its owner when it was answered last. Answers may quote what is limited to them, so whoever lacks one of them sees none.
    groups text[] not null,
    retention_days integer not null check (retention_days between 1 and 365),
    -- Of the turns that are kept.
    turn_count integer not null default 0 check (turn_count >= 0),
    create_time timestamptz not null default clock_timestamp(),
    update_time timestamptz not null default clock_timestamp(),
    -- From then on nobody sees it; it is deleted soon after.
    expire_time timestamptz not null,
    primary key (tenant_id, id)
);
create index conversations_by_owner on ragdz.conversations (tenant_id, owner, id);
create index conversations_by_expiry on ragdz.conversations (expire_time);

create table ragdz.conversation_turns (
    tenant_id uuid not null,
    conversation_id uuid not null,
    -- UUIDv7 of the moment at which it was asked.
    id uuid not null,
    question text not null,
    -- What was searched for: the question, and what of earlier ones it goes on from.
    searched text not null,
    answer text not null,
    -- The messages ragdz.v1.Citation as a JSON array.
    citations jsonb not null,
    -- The documents that they quote.
    documents uuid[] not null,
    -- Why there is no answer; empty when there is one.
    abstention text not null,
    model text not null,
    -- A document that it quoted is gone, and with it the answer.
    is_forgotten boolean not null default false,
    create_time timestamptz not null default clock_timestamp(),
    primary key (tenant_id, conversation_id, id),
    foreign key (tenant_id, conversation_id) references ragdz.conversations (tenant_id, id) on delete cascade
);
create index conversation_turns_by_document on ragdz.conversation_turns using gin (documents);

do $$
declare name text;
begin
    foreach name in array array['conversations', 'conversation_turns'] loop
        execute format('alter table ragdz.%I enable row level security', name);
        execute format('alter table ragdz.%I force row level security', name);
        execute format(
            'create policy tenant on ragdz.%I for all to ragdz_app '
            'using (tenant_id = ragdz.current_tenant()) with check (tenant_id = ragdz.current_tenant())', name);
        execute format('grant select, insert, delete on ragdz.%I to ragdz_app', name);
    end loop;
end
$$;
grant update (groups, turn_count, update_time, expire_time) on ragdz.conversations to ragdz_app;

-- Answers that quote a document go with it, in the transaction that deletes it; questions stay. A document of a shared corpus may be
-- quoted in any tenant's conversations.
create function ragdz.forget_quotes() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    update ragdz.conversation_turns t
    set answer = '', citations = '[]', documents = '{}', is_forgotten = true
    where t.documents && array(select g.id from gone g);
    return null;
end
$$;
alter function ragdz.forget_quotes() owner to ragdz_definer;
revoke all on function ragdz.forget_quotes() from public;
grant update (answer, citations, documents, is_forgotten) on ragdz.conversation_turns to ragdz_definer;

create trigger forget_quotes after delete on ragdz.documents
    referencing old table as gone for each statement execute function ragdz.forget_quotes();

-- Deletes up to `wanted` conversations that have expired, of any tenant, with their turns, and says how many they were.
create function ragdz.purge_conversations(wanted integer) returns bigint
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    with expired as (
        select c.tenant_id, c.id
        from ragdz.conversations c
        where c.expire_time < clock_timestamp()
        order by c.expire_time
        limit least(greatest(wanted, 0), 1000)
        for update skip locked
    ), gone as (
        delete from ragdz.conversations c
        using expired
        where c.tenant_id = expired.tenant_id and c.id = expired.id
        returning 1
    )
    select count(*) from gone
$$;
alter function ragdz.purge_conversations(integer) owner to ragdz_definer;
revoke all on function ragdz.purge_conversations(integer) from public;
grant execute on function ragdz.purge_conversations(integer) to ragdz_app;
-- Locking a row takes the right to update it.
grant update (update_time) on ragdz.conversations to ragdz_definer;
