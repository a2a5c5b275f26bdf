-- What resumable streams have said, so that a client that lost its connection gets exactly the rest from any server.

create table ragdz.streams (
    tenant_id uuid not null,
    id uuid not null,
    -- The path of the method, e.g. /ragdz.v1.Retrieval/Ask.
    method text not null,
    -- SHA-256 of the request: the stream goes on for this request alone.
    request_digest bytea not null check (octet_length(request_digest) = 32),
    -- One more each time the stream is taken up: only the newest call may go on with it.
    epoch bigint not null default 1,
    -- The number of the last message.
    last_sequence bigint not null default 0 check (last_sequence >= 0),
    -- Bytes of all messages so far, those that are not kept any more included.
    total_bytes bigint not null default 0,
    -- The StreamEnd of a stream that is over.
    ending bytea,
    -- From then on nobody takes the stream up. The row stays for a day after it, to tell so.
    expire_time timestamptz not null,
    is_purged boolean not null default false,
    primary key (tenant_id, id)
);

create index streams_by_expiry on ragdz.streams (expire_time);

create table ragdz.stream_messages (
    tenant_id uuid not null,
    stream_id uuid not null,
    -- The messages of a row were kept in one step: first_sequence is the number of its first one.
    first_sequence bigint not null check (first_sequence > 0),
    message_count integer not null check (message_count > 0),
    -- streams.total_bytes after these messages.
    total_bytes bigint not null,
    -- Each message in wire form behind its size (u32, big endian).
    messages bytea not null,
    primary key (tenant_id, stream_id, first_sequence),
    foreign key (tenant_id, stream_id) references ragdz.streams (tenant_id, id) on delete cascade
);

do $$
declare name text;
begin
    foreach name in array array['streams', 'stream_messages'] loop
        execute format('alter table ragdz.%I enable row level security', name);
        execute format('alter table ragdz.%I force row level security', name);
        execute format(
            'create policy tenant on ragdz.%I for all to ragdz_app '
            'using (tenant_id = ragdz.current_tenant()) with check (tenant_id = ragdz.current_tenant())', name);
    end loop;
end
$$;

grant select, insert, update on ragdz.streams to ragdz_app;
grant select, insert, delete on ragdz.stream_messages to ragdz_app;

-- Deletes the messages of up to `wanted` expired streams, of any tenant, and the rows of streams that expired more
-- than a day ago. Returns how many streams it has dealt with; nothing of theirs is shown.
create function ragdz.purge_streams(wanted integer) returns bigint
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    with expired as (
        select s.tenant_id, s.id
        from ragdz.streams s
        where s.expire_time < clock_timestamp() and not s.is_purged
        order by s.expire_time
        limit least(greatest(wanted, 0), 1000)
        for update skip locked
    ), emptied as (
        delete from ragdz.stream_messages m
        using expired
        where m.tenant_id = expired.tenant_id and m.stream_id = expired.id
    ), marked as (
        update ragdz.streams s
        set is_purged = true
        from expired
        where s.tenant_id = expired.tenant_id and s.id = expired.id
        returning 1
    ), forgotten as (
        delete from ragdz.streams s
        where s.expire_time < clock_timestamp() - interval '1 day' and s.is_purged
        returning 1
    )
    select (select count(*) from marked) + (select count(*) from forgotten)
$$;

alter function ragdz.purge_streams(integer) owner to ragdz_definer;
revoke all on function ragdz.purge_streams(integer) from public;
grant execute on function ragdz.purge_streams(integer) to ragdz_app;
grant select, update, delete on ragdz.streams to ragdz_definer;
grant select, delete on ragdz.stream_messages to ragdz_definer;
