-- room: Workflows
-- Every statement but claimDueSteps runs with the tenant's identity: row-level security bounds what it sees.

-- name: putDefinition
-- The row of the name is locked by its update, so two writers get two versions.
with numbered as (
    insert into ragdz.workflows (tenant_id, name, newest_version)
    values (ragdz.current_tenant(), $1, 1)
    on conflict (tenant_id, name) do update set newest_version = ragdz.workflows.newest_version + 1
    returning newest_version
)
insert into ragdz.workflow_versions (tenant_id, name, version, definition)
select ragdz.current_tenant(), $1, newest_version, $2::jsonb from numbered
returning version;

-- name: newestDefinition
select v.version, v.definition
from ragdz.workflows w
join ragdz.workflow_versions v
    on v.tenant_id = w.tenant_id and v.name = w.name and v.version = w.newest_version
where w.tenant_id = ragdz.current_tenant() and w.name = $1;

-- name: listDefinitions
select v.name, v.version, v.definition
from ragdz.workflows w
join ragdz.workflow_versions v
    on v.tenant_id = w.tenant_id and v.name = w.name and v.version = w.newest_version
where w.tenant_id = ragdz.current_tenant() and w.name > $1
order by w.name
limit $2;

-- name: findRunByRequest
-- jsonb compares by value, so the order of the input's fields does not matter.
select id, (workflow = $2 and input = $3::jsonb) as alike
from ragdz.runs
where tenant_id = ragdz.current_tenant() and request_id = $1;

-- name: insertRun
-- No row comes back when another call has just started a run under the same request id.
insert into ragdz.runs (tenant_id, id, workflow, workflow_version, graph, input, status, request_id)
values (ragdz.current_tenant(), $1, $2, $3::bigint, $4::jsonb, $5::jsonb, $6::bigint, nullif($7, ''))
on conflict (tenant_id, request_id) do nothing
returning id;

-- name: insertSteps
insert into ragdz.run_steps (tenant_id, run_id, id, ordinal, status)
select ragdz.current_tenant(), $1, u.id, u.ordinal::integer, 1
from unnest($2::text[]) with ordinality as u (id, ordinal);

-- name: lockRun
-- Whoever changes a run holds its row: transitions of one run happen one after the other.
select id, workflow, workflow_version, graph, input, status, stopping, error, last_sequence
from ragdz.runs
where tenant_id = ragdz.current_tenant() and id = $1
for update;

-- name: stepStates
select id, status, attempts, failures, losses, lease_epoch, output_bytes, error
from ragdz.run_steps
where tenant_id = ragdz.current_tenant() and run_id = $1
order by ordinal;

-- name: stepOutputs
select id, output
from ragdz.run_steps
where tenant_id = ragdz.current_tenant() and run_id = $1 and id = any($2::text[]) and output is not null;

-- name: updateSteps
-- A due time below 0 means never; -2 leaves the time (a lease) as it is. Times are the database's own.
update ragdz.run_steps s
set status = u.status,
    attempts = u.attempts,
    failures = u.failures,
    losses = u.losses,
    error = u.error,
    due_at = case
        when u.due_micros = -2 then s.due_at
        when u.due_micros >= 0 then clock_timestamp() + u.due_micros * interval '1 microsecond'
    end
from unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::bigint[])
    as u (id, status, attempts, failures, losses, error, due_micros)
where s.tenant_id = ragdz.current_tenant() and s.run_id = $1 and s.id = u.id;

-- name: setStepOutput
update ragdz.run_steps
set output = $3::jsonb, output_bytes = $4::bigint
where tenant_id = ragdz.current_tenant() and run_id = $1 and id = $2;

-- name: appendEvents
-- The numbers continue the run's own count, whose row this transaction holds.
with counted as (
    update ragdz.runs
    set last_sequence = last_sequence + cardinality($2::text[])
    where tenant_id = ragdz.current_tenant() and id = $1
    returning last_sequence - cardinality($2::text[]) as before
)
insert into ragdz.run_events (tenant_id, run_id, sequence, type, step_id, data)
select ragdz.current_tenant(), $1, counted.before + u.place, u.type, u.step_id, u.data::jsonb
from counted, unnest($2::text[], $3::text[], $4::text[]) with ordinality as u (type, step_id, data, place);

-- name: updateRun
update ragdz.runs
set status = $2::bigint,
    stopping = $3::bigint,
    error = $4,
    end_time = case when $2::bigint in (3, 4, 5) then clock_timestamp() end
where tenant_id = ragdz.current_tenant() and id = $1;

-- name: setRunOutput
update ragdz.runs
set output = $2::jsonb
where tenant_id = ragdz.current_tenant() and id = $1;

-- name: notifyListeners
-- Listeners learn which run moved and nothing else; it is sent when the transaction commits.
select pg_notify('ragdz_workflows', payload)
from unnest($1::text[]) as payload;

-- name: claimDueSteps
select tenant_id, run_id, step_id, lease_epoch
from ragdz.claim_due_steps($1, $2::bigint::integer, $3);

-- name: renewLease
-- No row comes back when the lease is lost, or when the step has ended. `stopping` tells that the run waits for this
-- step to give up.
update ragdz.run_steps s
set due_at = clock_timestamp() + $5::bigint * interval '1 microsecond'
from ragdz.runs r
where s.tenant_id = ragdz.current_tenant() and s.run_id = $1 and s.id = $2
    and s.lease_epoch = $3 and s.lease_owner = $4 and s.due_at is not null
    and r.tenant_id = s.tenant_id and r.id = s.run_id
returning (r.stopping <> 0) as stopping;

-- name: getRun
-- The steps come with the run, so that both are of one moment: as the proto3 JSON of a Run that has nothing else.
select r.id, r.workflow, r.workflow_version, r.graph, r.input, r.output, r.status, r.error, r.last_sequence,
    r.create_time, r.end_time,
    (
        select jsonb_build_object('steps', jsonb_agg(
            jsonb_build_object(
                'id', s.id, 'status', s.status, 'attempts', s.attempts, 'output', s.output, 'error', s.error)
            order by s.ordinal))
        from ragdz.run_steps s
        where s.tenant_id = r.tenant_id and s.run_id = r.id
    ) as steps
from ragdz.runs r
where r.tenant_id = ragdz.current_tenant() and r.id = $1;

-- name: listRuns
-- Ids are UUIDv7, so their order is the order of creation. Status 0 means all.
select id, workflow, workflow_version, status, error, last_sequence, create_time, end_time
from ragdz.runs
where tenant_id = ragdz.current_tenant() and id < $1 and ($2::bigint = 0 or status = $2::bigint)
order by id desc
limit $3;

-- name: runPosition
select status, last_sequence
from ragdz.runs
where tenant_id = ragdz.current_tenant() and id = $1;

-- name: eventsAfter
select sequence, type, step_id, time, data
from ragdz.run_events
where tenant_id = ragdz.current_tenant() and run_id = $1 and sequence > $2
order by sequence
limit $3;
