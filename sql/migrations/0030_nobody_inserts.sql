-- Whether a row may be written is asked in the words in which it is asked whether it is seen: for a statement that does both,
-- PostgreSQL finds that they are one condition and prepares and evaluates it once. That no row has the nil UUID, which is the
-- tenant of whoever has none, is a matter of rows that come: an update finds rows of its own tenant and leaves them there.

do $$
declare
    found record;
    mine constant text := 'tenant_id = ragdz.visible_tenant()';
    someone constant text := 'tenant_id <> ''00000000-0000-0000-0000-000000000000''';
begin
    for found in
        select p.polrelid::regclass as target, p.polname as policy, c.relname as name
        from pg_policy p join pg_class c on c.oid = p.polrelid
        where c.relnamespace = 'ragdz'::regnamespace and not c.relispartition and p.polpermissive
            and p.polroles = array['ragdz_app'::regrole::oid]
        order by 1, 2
    loop
        -- What operators do stands under the nil UUID, and logins of tenants that there are not: that is nobody's to read either.
        if found.name in ('audit_log', 'audit_heads', 'login_attempts') then
            execute format('alter policy %I on %s using (%s and %s)', found.policy, found.target, mine, someone);
            continue;
        end if;
        execute format('alter policy %I on %s with check (%s)', found.policy, found.target, mine);
        execute format(
            'create policy nobody on %s as restrictive for insert to ragdz_app with check (%s)', found.target, someone);
    end loop;
end
$$;
