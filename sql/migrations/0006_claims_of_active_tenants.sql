-- Steps of a suspended tenant wait: no worker takes them until the tenant is active again. What runs ends its attempt.

create or replace function ragdz.claim_due_steps(owner uuid, wanted integer, lease_micros bigint)
returns table (tenant_id uuid, run_id uuid, step_id text, lease_epoch bigint)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    with due as (
        select s.tenant_id, s.run_id, s.id
        from ragdz.run_steps s
        where s.due_at <= clock_timestamp()
            and not exists (
                select from ragdz.tenants t
                where t.tenant_id = s.tenant_id and t.status not in ('trial', 'active'))
        order by s.due_at
        limit least(greatest(wanted, 0), 1000)
        for update of s skip locked
    )
    update ragdz.run_steps s
    set lease_owner = owner,
        lease_epoch = s.lease_epoch + 1,
        due_at = clock_timestamp() + lease_micros * interval '1 microsecond'
    from due
    where s.tenant_id = due.tenant_id and s.run_id = due.run_id and s.id = due.id
    returning s.tenant_id, s.run_id, s.id, s.lease_epoch
$$;
