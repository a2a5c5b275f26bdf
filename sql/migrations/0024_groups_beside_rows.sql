-- What row-level security looks at stands in the row or in one other one, and is asked for once.
--
-- A document was visible when its groups and its collection were, which was a look at the collections under their own policies for
-- every document, and at the documents for every chunk. Now documents and shelves have their collection's groups beside their own,
-- kept by triggers in the transaction that changes them, and a chunk asks its shelf.

-- What is limited is looked for once in the caller's groups; '*' stands for all of them.
create or replace function ragdz.may_see(groups text[]) returns boolean
language sql stable parallel safe
return groups = '{}' or groups || '{*}'::text[] && ragdz.current_groups();

-- The owner has to see the rows that it completes; it is bound again at the end.
alter table ragdz.collections no force row level security;
alter table ragdz.documents no force row level security;
alter table ragdz.shelves no force row level security;

alter table ragdz.shelves add column collection_groups text[] not null default '{}';
alter table ragdz.documents add column collection_groups text[] not null default '{}';
update ragdz.shelves s set collection_groups = c.groups
from ragdz.collections c
where c.tenant_id = s.tenant_id and c.id = s.collection_id and c.groups <> '{}';
update ragdz.documents d set collection_groups = c.groups
from ragdz.collections c
where c.tenant_id = d.tenant_id and c.id = d.collection_id and c.groups <> '{}';

create or replace function ragdz.place_document() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op = 'INSERT' or new.collection_id <> old.collection_id then
        -- Locked, as the foreign key will: a change of the collection's groups comes before, and is seen, or after, and finds this
        -- document. Without a collection nobody sees it, until the foreign key refuses it.
        select c.groups into new.collection_groups
        from ragdz.collections c where c.tenant_id = new.tenant_id and c.id = new.collection_id
        for key share;
        new.collection_groups := coalesce(new.collection_groups, '{-}');
    elsif pg_trigger_depth() = 1 then
        -- Only the collection's own change changes them.
        new.collection_groups := old.collection_groups;
    end if;
    select s.id into new.shelf_id
    from ragdz.shelves s
    where s.tenant_id = new.tenant_id and s.collection_id = new.collection_id and s.groups = new.groups;
    if not found then
        insert into ragdz.shelves as s (tenant_id, collection_id, groups, collection_groups)
        values (new.tenant_id, new.collection_id, new.groups, new.collection_groups)
        on conflict (tenant_id, collection_id, groups) do update set version = s.version
        returning s.id into new.shelf_id;
    end if;
    new.attributes := jsonb_strip_nulls(jsonb_build_object(
        'document', new.id, 'collection', new.collection_id, 'language', new.language, 'country', new.country,
        'theme', new.theme, 'source', new.source, 'official', new.official, 'tags', to_jsonb(new.tags),
        'created', (extract(epoch from new.create_time) * 1000000)::bigint,
        'date', (extract(epoch from new.document_time) * 1000000)::bigint));
    return new;
end
$$;
grant update (document_count) on ragdz.collections to ragdz_definer;

create function ragdz.spread_groups() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    update ragdz.shelves s set collection_groups = new.groups
    where s.tenant_id = new.tenant_id and s.collection_id = new.id;
    update ragdz.documents d set collection_groups = new.groups
    where d.tenant_id = new.tenant_id and d.collection_id = new.id;
    return null;
end
$$;
alter function ragdz.spread_groups() owner to ragdz_definer;
revoke all on function ragdz.spread_groups() from public;
grant update (collection_groups) on ragdz.documents to ragdz_definer;
create trigger collections_limited after update of groups on ragdz.collections
    for each row when (old.groups <> new.groups) execute function ragdz.spread_groups();

-- Documents of the corpora that operators share with this transaction's tenant, as far as they are limited to no group. The
-- statements that read them ask for them; row-level security shows nobody anything but its own.
create function ragdz.shared_documents(ids uuid[]) returns setof ragdz.documents
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    select d.*
    from ragdz.documents d
    where d.tenant_id = any ((select ragdz.shared_corpora())::uuid[]) and d.id = any (ids)
        and d.groups = '{}' and d.collection_groups = '{}'
$$;
alter function ragdz.shared_documents(uuid[]) owner to ragdz_definer;
revoke all on function ragdz.shared_documents(uuid[]) from public;
grant execute on function ragdz.shared_documents(uuid[]) to ragdz_app;
drop policy shared on ragdz.collections;
drop policy shared on ragdz.documents;

alter policy tenant on ragdz.collections using (tenant_id = ragdz.current_tenant());
alter policy tenant on ragdz.documents using (tenant_id = ragdz.current_tenant());
alter policy groups on ragdz.documents
    using (ragdz.may_see(groups) and ragdz.may_see(collection_groups))
    with check (ragdz.may_see(groups) and ragdz.may_see(collection_groups));
-- Shelves are asked for by what stands on them, secrets by the keys of a page, row by row: the tenant is looked up once.
alter policy tenant on ragdz.shelves using (tenant_id = (select ragdz.current_tenant()));
alter policy key_secrets_own on ragdz.key_secrets using (tenant_id = (select ragdz.current_tenant()));
alter policy groups on ragdz.shelves using (ragdz.may_see(groups) and ragdz.may_see(collection_groups));
alter policy groups on ragdz.chunks
    using (exists (select from ragdz.shelves s where s.tenant_id = chunks.tenant_id and s.id = chunks.shelf_id))
    with check (exists (
        select from ragdz.documents d
        where d.tenant_id = chunks.tenant_id and d.id = chunks.document_id and d.shelf_id = chunks.shelf_id));
alter policy groups on ragdz.chunk_vectors
    using (exists (select from ragdz.shelves s where s.tenant_id = chunk_vectors.tenant_id and s.id = chunk_vectors.shelf_id))
    with check (exists (
        select from ragdz.documents d
        where d.tenant_id = chunk_vectors.tenant_id and d.id = chunk_vectors.document_id
            and d.shelf_id = chunk_vectors.shelf_id));

alter table ragdz.collections force row level security;
alter table ragdz.documents force row level security;
alter table ragdz.shelves force row level security;
