-- Ingest: every upload is a row of a queue, its bytes, the text read from them and its finished chunks, until one transaction
-- makes a document of them. A worker that dies loses nothing: another one goes on after the last step that was kept.

alter table ragdz.documents
    -- 1, 2, 3…: one more with each new version.
    add column version integer not null default 1,
    -- The ingest that made this version; null for documents from before there were ingests.
    add column ingest_id uuid;

create table ragdz.ingests (
    tenant_id uuid not null,
    -- UUIDv7: their order is the order of the uploads.
    id uuid not null,
    collection_id uuid not null,
    -- Null while the bytes arrive: it follows from them.
    document_id uuid,
    -- The message ragdz.v1.UploadHeader as proto3 JSON.
    header jsonb not null,
    filename text not null,
    -- Of the document that it makes: who may not see that may not see this.
    groups text[] not null default '{}',
    -- A worker takes what its own embedding server can embed.
    embedding_model text not null,
    -- The media type, where it is known; null: from the content.
    media_type text,
    -- 0: bytes arrive; 1 to 5: IngestState of the public contract.
    state smallint not null default 0 check (state between 0 and 5),
    -- IngestStage of the public contract.
    stage smallint not null default 1 check (stage between 1 and 6),
    byte_size bigint not null default 0,
    sha256 text check (sha256 ~ '^[0-9a-f]{64}$'),
    chunk_count integer not null default 0,
    chunks_done integer not null default 0,
    chunks_reused integer not null default 0,
    -- What was embedded, and how long it took in all: the rate.
    characters_embedded bigint not null default 0,
    embedding_micros bigint not null default 0,
    attempts integer not null default 0,
    -- After so many failures it ends.
    attempt_limit integer not null default 1,
    -- Workers lost since the last step that was kept.
    losses integer not null default 0,
    -- Why it failed, or why the last attempt did.
    code integer not null default 0,
    reason text not null default '',
    message text not null default '',
    -- Where a quota had no room: what ragdz.refuse_quota said of it.
    quota_detail text not null default '',
    -- The bytes were in the collection already.
    duplicate boolean not null default false,
    -- When a worker may take it: since when it waits, its next attempt, the end of a lease. For what has ended, or whose bytes
    -- do not arrive any more: when it is forgotten.
    due_at timestamptz not null,
    lease_owner uuid,
    -- One more with each claim; what is written counts only under the epoch of its claim.
    lease_epoch bigint not null default 0,
    create_time timestamptz not null default clock_timestamp(),
    update_time timestamptz not null default clock_timestamp(),
    primary key (tenant_id, id),
    check (state = 0 or (document_id is not null and sha256 is not null)),
    foreign key (tenant_id, collection_id) references ragdz.collections (tenant_id, id) on delete cascade
);

-- One at a time for each document.
create unique index ingests_active on ragdz.ingests (tenant_id, document_id) where state in (1, 2);
create index ingests_due on ragdz.ingests (tenant_id, due_at) where state in (1, 2);
-- Not an index of some rows: a statement that names a state that is over would take it for the shortest way to one ingest.
create index ingests_over on ragdz.ingests ((case when state in (1, 2) then null else due_at end));
create index ingests_by_collection on ragdz.ingests (tenant_id, collection_id);
create index ingests_by_document on ragdz.ingests (tenant_id, document_id, id);

-- The bytes in the pieces in which they came.
create table ragdz.ingest_pieces (
    tenant_id uuid not null,
    ingest_id uuid not null,
    ordinal integer not null,
    data bytea not null,
    primary key (tenant_id, ingest_id, ordinal),
    foreign key (tenant_id, ingest_id) references ragdz.ingests (tenant_id, id) on delete cascade
);
-- Most files are compressed already.
alter table ragdz.ingest_pieces alter column data set storage external;

-- What was read from the bytes: a retry does not read them again.
create table ragdz.ingest_texts (
    tenant_id uuid not null,
    ingest_id uuid not null,
    media_type text not null,
    title text not null,
    content text not null,
    page_count integer not null,
    page_starts bigint[] not null,
    -- Ranges of the content in Unicode scalars, and their levels.
    heading_starts bigint[] not null,
    heading_ends bigint[] not null,
    heading_levels integer[] not null,
    primary key (tenant_id, ingest_id),
    foreign key (tenant_id, ingest_id) references ragdz.ingests (tenant_id, id) on delete cascade
);

-- Finished chunks with their vectors, in order and without a gap. Unlogged: after a crash of the database they are made
-- again, and nothing else depends on them.
create unlogged table ragdz.ingest_chunks (
    tenant_id uuid not null,
    ingest_id uuid not null,
    ordinal integer not null,
    chunk_id uuid not null,
    page integer not null,
    start_at bigint not null,
    end_at bigint not null,
    utf16_start bigint not null,
    language text not null,
    title_path text not null,
    content text not null,
    lexemes text not null,
    lexeme_count integer not null,
    embedding public.halfvec not null,
    primary key (tenant_id, ingest_id, ordinal),
    foreign key (tenant_id, ingest_id) references ragdz.ingests (tenant_id, id) on delete cascade
);

do $$
declare
    target text;
begin
    foreach target in array array['ingests', 'ingest_pieces', 'ingest_texts', 'ingest_chunks'] loop
        execute format('alter table ragdz.%I enable row level security', target);
        execute format('alter table ragdz.%I force row level security', target);
        execute format(
            'create policy tenant on ragdz.%I for all to ragdz_app '
            'using (tenant_id = ragdz.current_tenant()) with check (tenant_id = ragdz.current_tenant())', target);
        execute format('grant select, insert, update, delete on ragdz.%I to ragdz_app', target);
    end loop;
end
$$;

-- Beside the tenant, as documents: what is limited to groups is there for these groups only.
create policy groups on ragdz.ingests as restrictive for all to ragdz_app
    using (ragdz.may_see(groups) and exists (
        select from ragdz.collections c where c.tenant_id = ingests.tenant_id and c.id = ingests.collection_id))
    with check (ragdz.may_see(groups) and exists (
        select from ragdz.collections c where c.tenant_id = ingests.tenant_id and c.id = ingests.collection_id));
do $$
declare
    target text;
begin
    foreach target in array array['ingest_pieces', 'ingest_texts', 'ingest_chunks'] loop
        execute format(
            'create policy groups on ragdz.%1$I as restrictive for all to ragdz_app '
            'using (exists (select from ragdz.ingests i where i.tenant_id = %1$I.tenant_id and i.id = %1$I.ingest_id)) '
            'with check (exists (select from ragdz.ingests i where i.tenant_id = %1$I.tenant_id and i.id = %1$I.ingest_id))',
            target);
    end loop;
end
$$;

-- Room for what is on its way is set aside in the quotas when its bytes are all there, and given back by the statement that
-- ends it, whichever that is: a thousand uploads at once are refused at the door, not after the work. Its chunks are not known
-- before they are counted. As every reservation it is released after an hour; what decides is the storing itself.
create function ragdz.reserve_ingest() returns trigger
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
            ('bytes', new.id, greatest(new.byte_size - coalesce(old_bytes, 0), 0)),
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

create function ragdz.release_ingest() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
    part record;
begin
    for part in
        with gone as (
            delete from ragdz.quota_reservations r
            where r.tenant_id = old.tenant_id and r.id in (old.id, md5(old.id::text || '/documents')::uuid)
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

create trigger ingests_accepted after update of state on ragdz.ingests
    for each row when (new.state = 1 and old.state not in (1, 2)) execute function ragdz.reserve_ingest();
create trigger ingests_ended after update of state on ragdz.ingests
    for each row when (old.state in (1, 2) and new.state not in (1, 2)) execute function ragdz.release_ingest();
create trigger ingests_deleted after delete on ragdz.ingests
    for each row when (old.state in (1, 2)) execute function ragdz.release_ingest();
alter function ragdz.reserve_ingest() owner to ragdz_definer;
alter function ragdz.release_ingest() owner to ragdz_definer;
revoke all on function ragdz.reserve_ingest(), ragdz.release_ingest() from public;

-- Leases up to `wanted` ingests of any tenant to a worker: three ids and a number, everything else is read and written as the
-- tenant. Tenants take turns: who has fewest under way comes first, whoever else has a thousand waiting. It never waits for
-- a lock. The tenants are found by one step in the index for each, not by reading what waits.
create function ragdz.claim_due_ingests(owner uuid, model text, wanted integer, lease_micros bigint)
returns table (tenant_id uuid, ingest_id uuid, lease_epoch bigint)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    with recursive waiting as (
        (select i.tenant_id from ragdz.ingests i where i.state in (1, 2) order by i.tenant_id limit 1)
        union all
        select (
            select i.tenant_id from ragdz.ingests i
            where i.state in (1, 2) and i.tenant_id > w.tenant_id
            order by i.tenant_id limit 1)
        from waiting w
        where w.tenant_id is not null
    ),
    first as (
        select c.tenant_id, c.id, c.due_at,
            row_number() over (partition by c.tenant_id order by c.due_at, c.id) + (
                select count(*) from ragdz.ingests r
                where r.tenant_id = c.tenant_id and r.state = 2 and r.due_at > clock_timestamp()) as turn
        from waiting w
        cross join lateral (
            select i.tenant_id, i.id, i.due_at
            from ragdz.ingests i
            where i.tenant_id = w.tenant_id and i.state in (1, 2) and i.due_at <= clock_timestamp()
                and i.embedding_model = model
            order by i.due_at
            limit least(greatest(wanted, 0), 1000)
        ) c
        -- By its key: the plan of a join reads the whole table of tenants.
        where w.tenant_id is not null and coalesce(
            (select t.status in ('trial', 'active') from ragdz.tenants t where t.tenant_id = w.tenant_id), true)
    ),
    chosen as materialized (
        select f.tenant_id, f.id from first f order by f.turn, f.due_at limit least(greatest(wanted, 0), 1000)
    ),
    free as materialized (
        select i.tenant_id, i.id
        from ragdz.ingests i join chosen c on c.tenant_id = i.tenant_id and c.id = i.id
        where i.state in (1, 2) and i.due_at <= clock_timestamp()
        for update of i skip locked
    )
    update ragdz.ingests i
    set state = 2,
        losses = i.losses + (i.state = 2)::integer,
        attempts = i.attempts + 1,
        lease_owner = owner,
        lease_epoch = i.lease_epoch + 1,
        due_at = clock_timestamp() + lease_micros * interval '1 microsecond',
        update_time = clock_timestamp()
    from free
    where i.tenant_id = free.tenant_id and i.id = free.id
    returning i.tenant_id, i.id, i.lease_epoch
$$;

-- Forgets up to `at_most` ingests of any tenant that ended long ago, or whose bytes never came; how many they were.
create function ragdz.forget_ingests(at_most integer) returns bigint
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    with over as (
        select i.tenant_id, i.id from ragdz.ingests i
        where case when i.state in (1, 2) then null else i.due_at end <= clock_timestamp()
        order by case when i.state in (1, 2) then null else i.due_at end
        limit least(greatest(at_most, 0), 1000)
        for update skip locked
    ),
    gone as (
        delete from ragdz.ingests i using over where i.tenant_id = over.tenant_id and i.id = over.id returning 1
    )
    select count(*) from gone
$$;

alter function ragdz.claim_due_ingests(uuid, text, integer, bigint) owner to ragdz_definer;
alter function ragdz.forget_ingests(integer) owner to ragdz_definer;
-- How many are wanted decides on the plan (decision 0158).
alter function ragdz.claim_due_ingests(uuid, text, integer, bigint) set plan_cache_mode = auto;
alter function ragdz.forget_ingests(integer) set plan_cache_mode = auto;
revoke all on function ragdz.claim_due_ingests(uuid, text, integer, bigint), ragdz.forget_ingests(integer) from public;
grant execute on function ragdz.claim_due_ingests(uuid, text, integer, bigint), ragdz.forget_ingests(integer) to ragdz_app;
grant select, update, delete on ragdz.ingests to ragdz_definer;

-- The vectors of a tenant are read from several partitions, of which some are empty and have no other way than to be looked at row by
-- row: the tenant is asked for once.
alter policy tenant on ragdz.chunk_vectors using (tenant_id = (select ragdz.current_tenant()));
