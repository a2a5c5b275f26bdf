-- Sets of questions with known answers, and the runs that measure search on them.

create table ragdz.eval_sets (
    tenant_id uuid not null,
    id uuid not null,
    name text not null check (char_length(name) between 1 and 100),
    -- Kept by the statements that add cases; its row's lock keeps them in order.
    case_count integer not null default 0 check (case_count between 0 and 1000),
    create_time timestamptz not null default clock_timestamp(),
    primary key (tenant_id, id),
    unique (tenant_id, name)
);

create table ragdz.eval_cases (
    tenant_id uuid not null,
    set_id uuid not null,
    -- UUIDv7, so that their order is the order in which they were added.
    id uuid not null,
    -- The message ragdz.v1.EvaluationCase as proto3 JSON.
    body jsonb not null,
    -- Somebody said so of an answer, rather than writing the case.
    is_feedback boolean not null,
    create_time timestamptz not null default clock_timestamp(),
    primary key (tenant_id, set_id, id),
    foreign key (tenant_id, set_id) references ragdz.eval_sets (tenant_id, id) on delete cascade
);

-- A run is work that outlives its call: whoever claims it asks some of its questions, keeps what came of them under the epoch of
-- the claim, and leaves the rest to the next claim, its own or another server's.
create table ragdz.eval_runs (
    tenant_id uuid not null,
    id uuid not null,
    set_id uuid not null,
    label text not null check (char_length(label) <= 200),
    -- Ids or names as the caller gave them, and what they meant then; null: all that the caller may see.
    collections text[] not null,
    collection_ids uuid[],
    -- Of whoever started it: it sees what that caller saw. '*' stands for all groups.
    groups text[] not null,
    judges_gate boolean not null,
    -- The run that it is compared with at its end.
    baseline_id uuid,
    state text not null default 'running' check (state in ('running', 'succeeded', 'failed', 'cancelled')),
    case_count integer not null check (case_count > 0),
    done_count integer not null default 0 check (done_count between 0 and case_count),
    -- From then on it may be claimed: until then somebody works on it, or it waits after a failure. Null when it is over.
    due_at timestamptz,
    -- One more with each claim; a result counts only under the epoch of its claim.
    epoch bigint not null default 0,
    -- Failures since the last outcome that was kept.
    failures integer not null default 0,
    -- The messages ragdz.v1.EvaluationReport and ragdz.v1.EvalComparison as proto3 JSON.
    report jsonb,
    comparison jsonb,
    -- Why it failed.
    failure_reason text not null default '',
    failure_message text not null default '',
    create_time timestamptz not null default clock_timestamp(),
    end_time timestamptz,
    primary key (tenant_id, id),
    foreign key (tenant_id, set_id) references ragdz.eval_sets (tenant_id, id) on delete cascade,
    check ((state = 'running') = (due_at is not null)),
    check ((state = 'running') = (end_time is null)),
    check ((state = 'succeeded') = (report is not null))
);
create index eval_runs_by_set on ragdz.eval_runs (tenant_id, set_id, id);
-- What claims look through, over all tenants: only runs that somebody has to work on.
create index eval_runs_due on ragdz.eval_runs (due_at) where due_at is not null;

-- One row for each question of a run, from its start on: a set that grows meanwhile does not change what the run asks.
create table ragdz.eval_outcomes (
    tenant_id uuid not null,
    run_id uuid not null,
    case_id uuid not null,
    -- The message ragdz.v1.EvalOutcome as proto3 JSON; null: not asked yet.
    body jsonb,
    primary key (tenant_id, run_id, case_id),
    foreign key (tenant_id, run_id) references ragdz.eval_runs (tenant_id, id) on delete cascade
);

do $$
declare name text;
begin
    foreach name in array array['eval_sets', 'eval_cases', 'eval_runs', 'eval_outcomes'] loop
        execute format('alter table ragdz.%I enable row level security', name);
        execute format('alter table ragdz.%I force row level security', name);
        execute format(
            'create policy tenant on ragdz.%I for all to ragdz_app '
            'using (tenant_id = ragdz.current_tenant()) with check (tenant_id = ragdz.current_tenant())', name);
        execute format('grant select, insert, delete on ragdz.%I to ragdz_app', name);
    end loop;
end
$$;
grant update (case_count) on ragdz.eval_sets to ragdz_app;
grant update on ragdz.eval_runs to ragdz_app;
grant update (body) on ragdz.eval_outcomes to ragdz_app;

-- Takes the run that has waited longest, of any tenant that is active, and gives three numbers of it: everything else is read and
-- written as its tenant. It never waits for a lock.
create function ragdz.claim_eval_run(lease_micros bigint)
returns table (tenant_id uuid, run_id uuid, epoch bigint)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    with due as (
        select r.tenant_id, r.id
        from ragdz.eval_runs r
        where r.due_at <= clock_timestamp()
            and not exists (
                select from ragdz.tenants t
                where t.tenant_id = r.tenant_id and t.status not in ('trial', 'active'))
        order by r.due_at
        limit 1
        for update of r skip locked
    )
    update ragdz.eval_runs r
    set epoch = r.epoch + 1, due_at = clock_timestamp() + lease_micros * interval '1 microsecond'
    from due
    where r.tenant_id = due.tenant_id and r.id = due.id
    returning r.tenant_id, r.id, r.epoch
$$;
alter function ragdz.claim_eval_run(bigint) owner to ragdz_definer;
revoke all on function ragdz.claim_eval_run(bigint) from public;
grant execute on function ragdz.claim_eval_run(bigint) to ragdz_app;
grant select, update on ragdz.eval_runs to ragdz_definer;
