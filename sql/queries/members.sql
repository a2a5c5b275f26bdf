-- room: Members
-- Members, invitations and sessions. Every change writes its audit row in the same statement or transaction. The log names
-- people by their id: it outlives them, their addresses and names do not.

-- name: insertInvitation :one
-- row: InvitationRow
-- An open invitation of the same address ends. No row when a member has the address, or there is no such tenant.
with allowed as (
    select t.tenant_id from ragdz.tenants t
    where t.tenant_id = :tenant_id::uuid and t.status not in ('deleting', 'deleted')
), ended as (
    update ragdz.invitations i set revoke_time = clock_timestamp()
    from allowed where i.tenant_id = allowed.tenant_id and i.email = :email::text and i.accept_time is null
        and i.revoke_time is null
    returning i.invitation_id
), made as (
    insert into ragdz.invitations (tenant_id, invitation_id, email, role, token_hash, invited_by, expire_time)
    select tenant_id, :invitation_id::uuid, :email::text, :role::text, :token_hash::bytea, :actor::text,
        clock_timestamp() + :lifetime_micros::bigint * interval '1 microsecond'
    from allowed
    -- The old one has to be gone before the new one is there.
    where (select count(*) from ended) >= 0
    returning *
), noted as (
    insert into ragdz.audit_log (tenant_id, actor, action, target, after, request_id, peer)
    select tenant_id, :actor::text, 'member.invite', invitation_id::text,
        jsonb_build_object('role', role, 'email_sha256', encode(sha256(convert_to(email, 'UTF8')), 'hex'),
            'expire_time', expire_time), :request_id::text, :peer::text
    from made
)
select invitation_id, email, role, invited_by, create_time, expire_time, accept_time, revoke_time, member_id
from made;

-- name: insertReset :one
-- row: InvitationRow
-- The token sets the password of a member that is there. No row when it is not.
with member as (
    select * from ragdz.members m where m.tenant_id = ragdz.visible_tenant() and m.member_id = :member_id::uuid
), ended as (
    update ragdz.invitations i set revoke_time = clock_timestamp()
    from member where i.tenant_id = member.tenant_id and i.email = member.email and i.accept_time is null
        and i.revoke_time is null
    returning i.invitation_id
), made as (
    insert into ragdz.invitations (
        tenant_id, invitation_id, email, role, token_hash, invited_by, expire_time, member_id)
    select tenant_id, :invitation_id::uuid, email, role, :token_hash::bytea, :actor::text,
        clock_timestamp() + :lifetime_micros::bigint * interval '1 microsecond', member_id
    from member
    where (select count(*) from ended) >= 0
    returning *
), noted as (
    insert into ragdz.audit_log (tenant_id, actor, action, target, after, request_id, peer)
    select tenant_id, :actor::text, 'member.reset', member_id::text,
        jsonb_build_object('invitation', invitation_id, 'expire_time', expire_time), :request_id::text, :peer::text
    from made
)
select invitation_id, email, role, invited_by, create_time, expire_time, accept_time, revoke_time, member_id
from made;

-- name: acceptReset :one
-- row: MemberRow
-- Sets the password and ends all sessions. No row when somebody was faster, or the time is over.
with taken as (
    update ragdz.invitations i set accept_time = clock_timestamp()
    where i.tenant_id = ragdz.visible_tenant() and i.invitation_id = :invitation_id::uuid and i.accept_time is null
        and i.revoke_time is null and i.expire_time > clock_timestamp()
    returning *
), changed as (
    update ragdz.members m set password = :password::text
    from taken where m.tenant_id = taken.tenant_id and m.member_id = taken.member_id
    returning m.*
), ended as (
    update ragdz.sessions s set revoke_time = clock_timestamp()
    from changed where s.tenant_id = changed.tenant_id and s.member_id = changed.member_id and s.revoke_time is null
    returning s.session_id
), noted as (
    insert into ragdz.audit_log (tenant_id, actor, action, target, after, request_id, peer)
    select tenant_id, 'member:' || member_id, 'member.password', member_id::text,
        jsonb_build_object('invitation', :invitation_id::uuid, 'sessions_ended', (select count(*) from ended)),
        :request_id::text, :peer::text
    from changed
)
select member_id, email, name, role, create_time, last_login_time from changed;

-- name: memberOfEmail :one
select member_id from ragdz.members where tenant_id = ragdz.visible_tenant() and email = :email::text;

-- name: listInvitations :many
-- row: InvitationRow
select invitation_id, email, role, invited_by, create_time, expire_time, accept_time, revoke_time, member_id
from ragdz.invitations
where tenant_id = ragdz.visible_tenant()
    and (create_time, invitation_id) < (:before_time::timestamptz, :before_id::uuid)
order by create_time desc, invitation_id desc
limit :page_size::bigint;

-- name: lockInvitation :one
-- row: InvitationRow
select invitation_id, email, role, invited_by, create_time, expire_time, accept_time, revoke_time, member_id
from ragdz.invitations
where tenant_id = ragdz.visible_tenant() and invitation_id = :invitation_id::uuid
for no key update;

-- name: revokeInvitation :one
-- row: InvitationRow
with changed as (
    update ragdz.invitations i set revoke_time = clock_timestamp()
    where i.tenant_id = ragdz.visible_tenant() and i.invitation_id = :invitation_id::uuid and i.accept_time is null
        and i.revoke_time is null
    returning *
), noted as (
    insert into ragdz.audit_log (tenant_id, actor, action, target, before, request_id, peer)
    select tenant_id, :actor::text, 'member.uninvite', invitation_id::text, jsonb_build_object('role', role),
        :request_id::text, :peer::text
    from changed
)
select invitation_id, email, role, invited_by, create_time, expire_time, accept_time, revoke_time, member_id
from changed;

-- name: findInvitation :one
select tenant_id as "tenant_id!", tenant_slug as "tenant_slug!", tenant_status as "tenant_status!", email as "email!",
    role as "role!", token_hash as "token_hash!", expire_time as "expire_time!", accept_time, revoke_time, member_id
from ragdz.find_invitation(:invitation_id::uuid);

-- name: acceptInvitation :one
-- row: MemberRow
-- No row when somebody was faster, or the time is over. Of many at once the row's lock lets one through.
with taken as (
    update ragdz.invitations i set accept_time = clock_timestamp()
    where i.tenant_id = ragdz.visible_tenant() and i.invitation_id = :invitation_id::uuid and i.accept_time is null
        and i.revoke_time is null and i.expire_time > clock_timestamp()
    returning *
), made as (
    insert into ragdz.members (tenant_id, member_id, email, name, role, password)
    select tenant_id, :member_id::uuid, email, :name::text, role, :password::text from taken
    returning *
), noted as (
    insert into ragdz.audit_log (tenant_id, actor, action, target, after, request_id, peer)
    select tenant_id, 'member:' || member_id, 'member.join', member_id::text,
        jsonb_build_object('role', role, 'invitation', :invitation_id::uuid), :request_id::text, :peer::text
    from made
)
select member_id, email, name, role, create_time, last_login_time from made;

-- name: getMember :one
-- row: MemberRow
select member_id, email, name, role, create_time, last_login_time
from ragdz.members
where tenant_id = ragdz.visible_tenant() and member_id = :member_id::uuid;

-- name: listMembers :many
-- row: MemberRow
select member_id, email, name, role, create_time, last_login_time
from ragdz.members
where tenant_id = ragdz.visible_tenant() and (create_time, member_id) > (:after_time::timestamptz, :after_id::uuid)
order by create_time, member_id
limit :page_size::bigint;

-- name: lockMemberAndOwners :many
-- row: MemberRow
-- First half of a change of a role: who is changed, and all owners. They stay locked, in one order, until the transaction
-- ends, so that of two owners who demote each other at once one is too late.
select member_id, email, name, role, create_time, last_login_time
from ragdz.members
where tenant_id = ragdz.visible_tenant() and (member_id = :member_id::uuid or role = 'owner')
order by member_id
for no key update;

-- name: changeMemberRole :one
-- row: MemberRow
with old as (
    select * from ragdz.members where tenant_id = ragdz.visible_tenant() and member_id = :member_id::uuid
), changed as (
    update ragdz.members m set role = :role::text
    from old where m.tenant_id = old.tenant_id and m.member_id = old.member_id
    returning m.*
), noted as (
    insert into ragdz.audit_log (tenant_id, actor, action, target, before, after, request_id, peer)
    select old.tenant_id, :actor::text, 'member.role', old.member_id::text, jsonb_build_object('role', old.role),
        jsonb_build_object('role', :role::text), :request_id::text, :peer::text
    from old
)
select member_id, email, name, role, create_time, last_login_time from changed;

-- name: removeMember :one
-- row: MemberRow
with gone as (
    delete from ragdz.members where tenant_id = ragdz.visible_tenant() and member_id = :member_id::uuid returning *
), noted as (
    insert into ragdz.audit_log (tenant_id, actor, action, target, before, request_id, peer)
    select tenant_id, :actor::text, 'member.remove', member_id::text, jsonb_build_object('role', role),
        :request_id::text, :peer::text
    from gone
)
select member_id, email, name, role, create_time, last_login_time from gone;

-- name: beginLogin :one
select wait_micros as "wait_micros!", tenant_id, tenant_status, member_id, password
from ragdz.begin_login(
    :slug::text, :email::text, :network::text, :account_gap::bigint, :account_burst::bigint, :network_gap::bigint,
    :network_burst::bigint, :at_micros?::bigint);

-- name: beginSession :one
-- row: SessionRow
-- What ended a day ago is forgotten, and so are the oldest sessions of a member who has too many.
with member as (
    update ragdz.members m set last_login_time = clock_timestamp(), password = coalesce(:new_password?::text, m.password)
    where m.tenant_id = ragdz.visible_tenant() and m.member_id = :member_id::uuid and m.password = :password::text
    returning m.tenant_id, m.member_id
), forgotten as (
    delete from ragdz.sessions s using member
    where s.tenant_id = member.tenant_id and s.member_id = member.member_id
        and (s.end_time < clock_timestamp() - interval '1 day' or s.revoke_time < clock_timestamp() - interval '1 day'
            or s.session_id in (
                select o.session_id from ragdz.sessions o
                where o.tenant_id = ragdz.visible_tenant() and o.member_id = :member_id::uuid
                order by o.create_time desc offset :at_most::bigint))
), network as (
    insert into ragdz.member_networks as n (tenant_id, member_id, network)
    select tenant_id, member_id, :network::text from member
    on conflict (tenant_id, member_id, network) do update set last_login_time = clock_timestamp()
), cleared as (
    delete from ragdz.login_attempts a using member
    where a.tenant_id = member.tenant_id
        and a.subject = ragdz.login_subject(:slug::text, :email::text, :network::text)
), made as (
    insert into ragdz.sessions (tenant_id, session_id, member_id, end_time, peer)
    select tenant_id, :session_id::uuid, member_id,
        clock_timestamp() + :lifetime_micros::bigint * interval '1 microsecond', :peer::text
    from member
    returning *
), noted as (
    insert into ragdz.audit_log (tenant_id, actor, action, target, request_id, peer)
    select tenant_id, 'member:' || member_id, 'session.begin', session_id::text, :request_id::text, :peer::text from made
)
select session_id, member_id, generation, create_time, refresh_time, end_time, revoke_time, peer from made;

-- name: findSession :one
select tenant_id as "tenant_id!", tenant_status as "tenant_status!", tenant_plan as "tenant_plan!",
    member_id as "member_id!", role as "role!", end_time as "end_time!", revoke_time
from ragdz.find_session(:session_id::uuid);

-- name: lockSession :one
-- First half of a refresh.
select session_id, member_id, generation, create_time, refresh_time, end_time, revoke_time, peer,
    end_time <= clock_timestamp() as "ended!",
    (extract(epoch from clock_timestamp() - refresh_time) * 1000000)::bigint as "age_micros!"
from ragdz.sessions
where tenant_id = ragdz.visible_tenant() and session_id = :session_id::uuid
for no key update;

-- name: advanceSession :one
-- row: SessionRow
update ragdz.sessions set generation = generation + 1, refresh_time = clock_timestamp()
where tenant_id = ragdz.visible_tenant() and session_id = :session_id::uuid
returning session_id, member_id, generation, create_time, refresh_time, end_time, revoke_time, peer;

-- name: getSession :one
-- row: SessionRow
select session_id, member_id, generation, create_time, refresh_time, end_time, revoke_time, peer
from ragdz.sessions
where tenant_id = ragdz.visible_tenant() and session_id = :session_id::uuid;

-- name: revokeSession :one
-- row: SessionRow
-- Touches nothing when the session is revoked already.
with changed as (
    update ragdz.sessions s set revoke_time = clock_timestamp()
    where s.tenant_id = ragdz.visible_tenant() and s.session_id = :session_id::uuid and s.revoke_time is null
    returning *
), noted as (
    insert into ragdz.audit_log (tenant_id, actor, action, target, after, request_id, peer)
    select tenant_id, :actor::text, :action::text, session_id::text, jsonb_build_object('member', member_id),
        :request_id::text, :peer::text
    from changed
)
select session_id, member_id, generation, create_time, refresh_time, end_time, revoke_time, peer from changed;

-- name: listSessions :many
-- row: SessionRow
select session_id, member_id, generation, create_time, refresh_time, end_time, revoke_time, peer
from ragdz.sessions
where tenant_id = ragdz.visible_tenant() and member_id = :member_id::uuid and revoke_time is null
    and end_time > clock_timestamp()
order by create_time desc, session_id
limit 200;

-- name: getAccount :one
select m.member_id, m.email, m.name, m.role, m.create_time, m.last_login_time, m.password, t.slug
from ragdz.members m
join ragdz.tenants t on t.tenant_id = m.tenant_id
where m.tenant_id = ragdz.visible_tenant() and m.member_id = :member_id::uuid;

-- name: changePassword :one
-- No row when the password has changed meanwhile. All other sessions end with it.
with changed as (
    update ragdz.members m set password = :new_password::text
    where m.tenant_id = ragdz.visible_tenant() and m.member_id = :member_id::uuid and m.password = :password::text
    returning m.tenant_id, m.member_id
), ended as (
    update ragdz.sessions s set revoke_time = clock_timestamp()
    from changed
    where s.tenant_id = changed.tenant_id and s.member_id = changed.member_id and s.revoke_time is null
        and s.session_id <> :session_id::uuid
    returning s.session_id
), noted as (
    insert into ragdz.audit_log (tenant_id, actor, action, target, after, request_id, peer)
    select tenant_id, :actor::text, 'member.password', member_id::text,
        jsonb_build_object('sessions_ended', (select count(*) from ended)), :request_id::text, :peer::text
    from changed
)
select member_id, (select count(*) from ended) as "ended!" from changed;
