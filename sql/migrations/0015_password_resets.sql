-- A member who has forgotten its password gets a token like an invitation's, which sets another one.

alter table ragdz.invitations
    -- Whose password the token sets; null: it makes a new member.
    add column member_id uuid,
    add foreign key (tenant_id, member_id) references ragdz.members (tenant_id, member_id) on delete cascade;
create index invitations_of_members on ragdz.invitations (tenant_id, member_id) where member_id is not null;

drop function ragdz.find_invitation(uuid);
create function ragdz.find_invitation(wanted uuid)
returns table (
    tenant_id uuid, tenant_slug text, tenant_status text, email text, role text, token_hash bytea,
    expire_time timestamptz, accept_time timestamptz, revoke_time timestamptz, member_id uuid
)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    select i.tenant_id, t.slug, t.status, i.email, i.role, i.token_hash, i.expire_time, i.accept_time, i.revoke_time,
        i.member_id
    from ragdz.invitations i
    join ragdz.tenants t on t.tenant_id = i.tenant_id
    where i.invitation_id = wanted
$$;
alter function ragdz.find_invitation(uuid) owner to ragdz_definer;
revoke all on function ragdz.find_invitation(uuid) from public;
grant execute on function ragdz.find_invitation(uuid) to ragdz_app;
