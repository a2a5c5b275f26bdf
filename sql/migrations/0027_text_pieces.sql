-- The text of an ingest in pieces, so that a server reads, keeps and cuts a long one without having all of it in memory; what is
-- stored of the document is put together in the database.

create table ragdz.ingest_text_pieces (
    tenant_id uuid not null,
    ingest_id uuid not null,
    ordinal integer not null,
    -- The place of its first scalar in the text.
    start_at bigint not null,
    content text not null,
    -- Those within the piece, as places in the text in Unicode scalars. No heading's line is in two pieces.
    page_starts bigint[] not null,
    heading_starts bigint[] not null,
    heading_ends bigint[] not null,
    heading_levels integer[] not null,
    primary key (tenant_id, ingest_id, ordinal),
    foreign key (tenant_id, ingest_id) references ragdz.ingests (tenant_id, id) on delete cascade
);

-- Whose last piece is there.
alter table ragdz.ingest_texts
    add column character_count bigint not null default 0,
    add column piece_count integer not null default 1;
-- The owner has to see the rows that it moves; it is bound again at the end.
alter table ragdz.ingest_texts no force row level security;
update ragdz.ingest_texts set character_count = char_length(content);
insert into ragdz.ingest_text_pieces (
    tenant_id, ingest_id, ordinal, start_at, content, page_starts, heading_starts, heading_ends, heading_levels)
select tenant_id, ingest_id, 0, 0, content, page_starts, heading_starts, heading_ends, heading_levels
from ragdz.ingest_texts;
alter table ragdz.ingest_texts force row level security;
alter table ragdz.ingest_texts
    drop column content,
    drop column page_starts,
    drop column heading_starts,
    drop column heading_ends,
    drop column heading_levels;

alter table ragdz.ingest_text_pieces enable row level security;
alter table ragdz.ingest_text_pieces force row level security;
create policy tenant on ragdz.ingest_text_pieces for all to ragdz_app
    using (tenant_id = ragdz.current_tenant()) with check (tenant_id = ragdz.current_tenant());
-- Beside the tenant, as the other parts of an ingest.
create policy groups on ragdz.ingest_text_pieces as restrictive for all to ragdz_app
    using (exists (select from ragdz.ingests i where i.tenant_id = ingest_text_pieces.tenant_id and i.id = ingest_text_pieces.ingest_id))
    with check (exists (select from ragdz.ingests i where i.tenant_id = ingest_text_pieces.tenant_id and i.id = ingest_text_pieces.ingest_id));
grant select, insert, update, delete on ragdz.ingest_text_pieces to ragdz_app;
