-- Rows of many tenants in every table that has a tenant, made from what the catalogue says of its columns, so that a table
-- that a migration adds is filled as well. Constraints and triggers, which no plan depends on, are out of the way
-- afterwards: for databases that are thrown away. Set ragdz_fill.tenants and ragdz_fill.rows (of each) before; ten parents of a
-- tenant (collections, runs, …) share its rows.
do $$
declare
    target record;
    columns text;
    parts text;
begin
    perform set_config('session_replication_role', 'replica', true);
    for target in
        select con.conname, con.conrelid::regclass as relation from pg_constraint con
        where con.connamespace = 'ragdz'::regnamespace and con.contype in ('c', 'f')
            and con.conparentid = 0 and con.conislocal
        order by con.contype desc
    loop
        execute format('alter table %s drop constraint %I', target.relation, target.conname);
    end loop;
    for target in
        select c.oid, c.oid::regclass as relation, c.relkind from pg_class c
        where c.relnamespace = 'ragdz'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
            and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id')
    loop
        select string_agg(quote_ident(a.attname), ', ' order by a.attnum),
            string_agg(case
                when a.attname = 'tenant_id' then 'md5(''t'' || t)::uuid'
                when format_type(a.atttypid, null) = 'uuid' then
                    case when a.attname in ('collection_id', 'document_id', 'shelf_id', 'run_id', 'stream_id')
                        then 'md5(t || ''x'' || 1 + n % 10)::uuid' else 'md5(t || ''x'' || n)::uuid' end
                when format_type(a.atttypid, null) = 'text' then
                    case when a.attname in ('status', 'plan') then '''active'''
                        when a.attname = 'language' then '''fr'''
                        when a.attname like '%model%' then '''m'''
                        else '''x'' || t || ''y'' || n' end
                when format_type(a.atttypid, null) = 'smallint' then '1'
                when a.attname in ('newest_version', 'version') then '1'
                when a.attname = 'model_key' then 'ragdz.model_key(''m'', 3)'
                -- Everybody's partition; and where homes are given out, one each.
                when a.attname = 'home' then case target.relkind when 'p' then '0' else 't' end
                when format_type(a.atttypid, null) in ('integer', 'bigint', 'numeric', 'double precision', 'real') then 'n'
                when format_type(a.atttypid, null) = 'boolean' then 'false'
                when format_type(a.atttypid, null) = 'timestamp with time zone'
                    then 'now() + (n - 10) * interval ''1 minute'''
                when format_type(a.atttypid, null) = 'bytea' then 'sha256(convert_to(t || ''x'' || n, ''UTF8''))'
                when format_type(a.atttypid, null) = 'jsonb' then '''{}''::jsonb'
                when format_type(a.atttypid, null) = 'tsvector' then '(''a'' || n || '' b'' || n)::tsvector'
                when format_type(a.atttypid, null) like '%halfvec' then '''[1,2,3]''::public.halfvec'
                when y.typcategory = 'A' then '''{}'''
                else 'null' end, ', ' order by a.attnum)
        into columns, parts
        from pg_attribute a join pg_type y on y.oid = a.atttypid
        where a.attrelid = target.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
            and a.attidentity = '';
        execute format(
            'insert into %s (%s) select %s from generate_series(1, $1) t, generate_series(1, $2) n on conflict do nothing',
            target.relation, columns, parts)
        using current_setting('ragdz_fill.tenants')::integer, current_setting('ragdz_fill.rows')::integer;
    end loop;
end
$$;
