-- Workflows: definitions by version, runs with their own graph, steps under fenced leases, numbered events.
-- Statuses are the numbers of the enums RunStatus and StepStatus of the public contract.

create table ragdz.workflows (
    tenant_id uuid not null,
    name text not null,
    newest_version integer not null check (newest_version > 0),
    primary key (tenant_id, name)
);

create table ragdz.workflow_versions (
    tenant_id uuid not null,
    name text not null,
    version integer not null check (version > 0),
    -- The message ragdz.v1.Definition as proto3 JSON.
    definition jsonb not null,
    create_time timestamptz not null default clock_timestamp(),
    primary key (tenant_id, name, version),
    foreign key (tenant_id, name) references ragdz.workflows (tenant_id, name) on delete cascade
);

create table ragdz.runs (
    tenant_id uuid not null,
    id uuid not null,
    workflow text not null,
    workflow_version integer not null,
    -- The definition as it was when the run started: any worker finishes any version.
    graph jsonb not null,
    input jsonb not null,
    output jsonb,
    status smallint not null check (status between 1 and 5),
    -- 0: goes on; 4 or 5: waits for its running steps to end, then fails or is cancelled.
    stopping smallint not null default 0 check (stopping in (0, 4, 5)),
    error text not null default '',
    -- Chosen by the caller; a second start under it finds this run.
    request_id text,
    last_sequence bigint not null default 0,
    create_time timestamptz not null default clock_timestamp(),
    end_time timestamptz,
    primary key (tenant_id, id),
    unique (tenant_id, request_id),
    check ((end_time is not null) = (status in (3, 4, 5)))
);

create index runs_by_status on ragdz.runs (tenant_id, status, id);

create table ragdz.run_steps (
    tenant_id uuid not null,
    run_id uuid not null,
    id text not null,
    -- Place in the graph.
    ordinal integer not null,
    status smallint not null check (status between 1 and 7),
    attempts integer not null default 0,
    failures integer not null default 0,
    losses integer not null default 0,
    -- When a worker may take the step: since when it is ready, its next attempt, the end of its timer, or the
    -- end of the lease of the worker that has it. Null: not before something else happens.
    due_at timestamptz,
    lease_owner uuid,
    -- One more with each claim. A result counts only under the epoch of the claim that it belongs to.
    lease_epoch bigint not null default 0,
    output jsonb,
    output_bytes integer not null default 0,
    error text not null default '',
    primary key (tenant_id, run_id, id),
    foreign key (tenant_id, run_id) references ragdz.runs (tenant_id, id) on delete cascade
);

-- What the claim looks through, over all tenants: only steps that somebody has to take some day.
create index run_steps_due on ragdz.run_steps (due_at) where due_at is not null;

create table ragdz.run_events (
    tenant_id uuid not null,
    run_id uuid not null,
    -- 1, 2, 3… without a gap: taken from runs.last_sequence under the lock of the run's row.
    sequence bigint not null check (sequence > 0),
    type text not null,
    step_id text not null default '',
    time timestamptz not null default clock_timestamp(),
    data jsonb not null,
    primary key (tenant_id, run_id, sequence),
    foreign key (tenant_id, run_id) references ragdz.runs (tenant_id, id) on delete cascade
);

do $$
declare name text;
begin
    foreach name in array array['workflows', 'workflow_versions', 'runs', 'run_steps', 'run_events'] loop
        execute format('alter table ragdz.%I enable row level security', name);
        execute format('alter table ragdz.%I force row level security', name);
        execute format(
            'create policy tenant on ragdz.%I for all to ragdz_app '
            'using (tenant_id = ragdz.current_tenant()) with check (tenant_id = ragdz.current_tenant())', name);
    end loop;
end
$$;

grant select, insert, update on ragdz.workflows, ragdz.workflow_versions to ragdz_app;
grant select, insert, update on ragdz.runs, ragdz.run_steps to ragdz_app;
-- Events are never changed.
grant select, insert on ragdz.run_events to ragdz_app;

-- Takes up to `wanted` due steps of any tenant for a worker. This is the one place where a worker sees more than
-- one tenant, and it sees four ids: everything else it reads and writes under the tenant's identity. It never
-- waits for a lock: a step that another worker is taking, or a transition is changing, is passed over.
create function ragdz.claim_due_steps(owner uuid, wanted integer, lease_micros bigint)
returns table (tenant_id uuid, run_id uuid, step_id text, lease_epoch bigint)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
    with due as (
        select s.tenant_id, s.run_id, s.id
        from ragdz.run_steps s
        where s.due_at <= clock_timestamp()
        order by s.due_at
        limit least(greatest(wanted, 0), 1000)
        for update skip locked
    )
    update ragdz.run_steps s
    set lease_owner = owner,
        lease_epoch = s.lease_epoch + 1,
        due_at = clock_timestamp() + lease_micros * interval '1 microsecond'
    from due
    where s.tenant_id = due.tenant_id and s.run_id = due.run_id and s.id = due.id
    returning s.tenant_id, s.run_id, s.id, s.lease_epoch
$$;

alter function ragdz.claim_due_steps(uuid, integer, bigint) owner to ragdz_definer;
revoke all on function ragdz.claim_due_steps(uuid, integer, bigint) from public;
grant execute on function ragdz.claim_due_steps(uuid, integer, bigint) to ragdz_app;
grant select, update on ragdz.run_steps to ragdz_definer;
