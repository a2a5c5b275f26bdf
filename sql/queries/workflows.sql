-- room: Workflows
-- Every statement but claimDueSteps runs with the tenant's identity: row-level security bounds what it sees.

-- name: putDefinition :one
-- The row of the name is locked by its update, so two writers get two versions.
with numbered as (
    insert into ragdz.workflows (tenant_id, name, newest_version)
    values (ragdz.visible_tenant(), :name, 1)
    on conflict (tenant_id, name) do update set newest_version = ragdz.workflows.newest_version + 1
    returning newest_version
)
insert into ragdz.workflow_versions (tenant_id, name, version, definition)
select ragdz.visible_tenant(), :name, newest_version, :definition::jsonb from numbered
returning version;

-- name: newestDefinition :one
-- A workflow's newest version is the last of its versions: they come one by one, with its row.
select version, definition
from ragdz.workflow_versions
where tenant_id = ragdz.visible_tenant() and name = :name
order by version desc
limit 1;

-- name: listDefinitions :many
select v.name, v.version, v.definition
from ragdz.workflows w
join ragdz.workflow_versions v
    on v.tenant_id = w.tenant_id and v.name = w.name and v.version = w.newest_version
where w.tenant_id = ragdz.visible_tenant() and w.name > :after_name
order by w.name
limit :page_size;

-- name: findRunByRequest :one
-- jsonb compares by value, so the order of the input's fields does not matter.
select id, (workflow = :workflow and input = :input::jsonb) as "alike!"
from ragdz.runs
where tenant_id = ragdz.visible_tenant() and request_id = :request_id;

-- name: insertRun :one
-- No row comes back when another call has just started a run under the same request id.
insert into ragdz.runs (tenant_id, id, workflow, workflow_version, graph, input, status, request_id)
values (ragdz.visible_tenant(), :id, :workflow, :workflow_version, :graph::jsonb, :input::jsonb, :status, nullif(:request_id, ''))
on conflict (tenant_id, request_id) do nothing
returning id;

-- name: insertSteps :exec
insert into ragdz.run_steps (tenant_id, run_id, id, ordinal, status)
select ragdz.visible_tenant(), :run_id, u.id, u.ordinal::integer, 1
from unnest(:step_ids::text[]) with ordinality as u (id, ordinal);

-- name: lockRun :one
-- Whoever changes a run holds its row: transitions of one run happen one after the other.
select id, workflow, workflow_version, graph, input, status, stopping, error, last_sequence
from ragdz.runs
where tenant_id = ragdz.visible_tenant() and id = :id
for no key update;

-- name: stepStates :many
select id, status, attempts, failures, losses, lease_epoch, output_bytes, error
from ragdz.run_steps
where tenant_id = ragdz.visible_tenant() and run_id = :run_id
order by ordinal;

-- name: stepOutputs :many
select id, output as "output!"
from ragdz.run_steps
where tenant_id = ragdz.visible_tenant() and run_id = :run_id and id = any(:step_ids::text[]) and output is not null;

-- name: updateSteps :exec
-- A due time below 0 means never; -2 leaves the time (a lease) as it is. Times are the database's own.
update ragdz.run_steps s
set status = u.status,
    attempts = u.attempts,
    failures = u.failures,
    losses = u.losses,
    error = u.error,
    -- A lease that is not renewed by this is over: a renewal that comes late finds no owner and changes no due time.
    lease_owner = case when u.due_micros = -2 then s.lease_owner end,
    due_at = case
        when u.due_micros = -2 then s.due_at
        when u.due_micros >= 0 then clock_timestamp() + u.due_micros * interval '1 microsecond'
    end
from unnest(:ids::text[], :statuses::bigint[], :attempts::bigint[], :failures::bigint[], :losses::bigint[], :errors::text[], :due_micros::bigint[])
    as u (id, status, attempts, failures, losses, error, due_micros)
where s.tenant_id = ragdz.visible_tenant() and s.run_id = :run_id and s.id = u.id;

-- name: setStepOutput :exec
update ragdz.run_steps
set output = :output::jsonb, output_bytes = :output_bytes
where tenant_id = ragdz.visible_tenant() and run_id = :run_id and id = :step_id;

-- name: appendEvents :execrows
-- The numbers continue the run's own count, whose row this transaction holds.
with counted as (
    update ragdz.runs
    set last_sequence = last_sequence + cardinality(:types::text[])
    where tenant_id = ragdz.visible_tenant() and id = :run_id
    returning last_sequence - cardinality(:types::text[]) as before
)
insert into ragdz.run_events (tenant_id, run_id, sequence, type, step_id, data)
select ragdz.visible_tenant(), :run_id, counted.before + u.place, u.type, u.step_id, u.data::jsonb
from counted, unnest(:types::text[], :step_ids::text[], :data::text[]) with ordinality as u (type, step_id, data, place);

-- name: updateRun :exec
update ragdz.runs
set status = :status::smallint,
    stopping = :stopping,
    error = :error,
    end_time = case when :status::smallint in (3, 4, 5) then clock_timestamp() end
where tenant_id = ragdz.visible_tenant() and id = :id;

-- name: setRunOutput :exec
update ragdz.runs
set output = :output::jsonb
where tenant_id = ragdz.visible_tenant() and id = :id;

-- name: notifyListeners :exec
-- Listeners learn which run moved and nothing else; it is sent when the transaction commits.
select pg_notify('ragdz_workflows', payload)
from unnest(:payloads::text[]) as payload;

-- name: claimDueSteps :many
select tenant_id as "tenant_id!", run_id as "run_id!", step_id as "step_id!", lease_epoch as "lease_epoch!"
from ragdz.claim_due_steps(:owner, :wanted, :lease_micros);

-- name: renewLease :one
-- No row comes back when the lease is lost, or when the step has ended. `stopping` tells that the run waits for this
-- step to give up.
update ragdz.run_steps s
set due_at = clock_timestamp() + :lease_micros::bigint * interval '1 microsecond'
from ragdz.runs r
where s.tenant_id = ragdz.visible_tenant() and s.run_id = :run_id and s.id = :step_id
    and s.lease_epoch = :lease_epoch and s.lease_owner = :lease_owner and s.due_at is not null
    and r.tenant_id = s.tenant_id and r.id = s.run_id
returning (r.stopping <> 0) as "stopping!";

-- name: getRun :one
-- The steps come with the run, so that both are of one moment: as the proto3 JSON of a Run that has nothing else.
select r.id, r.workflow, r.workflow_version, r.graph, r.input, r.output, r.status, r.error, r.last_sequence,
    r.create_time, r.end_time,
    (
        select jsonb_build_object('steps', jsonb_agg(
            jsonb_build_object(
                'id', s.id, 'status', s.status, 'attempts', s.attempts, 'output', s.output, 'error', s.error)
            order by s.ordinal))
        from ragdz.run_steps s
        where s.tenant_id = ragdz.visible_tenant() and s.run_id = r.id
    ) as "steps!"
from ragdz.runs r
where r.tenant_id = ragdz.visible_tenant() and r.id = :id;

-- name: listRuns :many
-- Ids are UUIDv7, so their order is the order of creation. Status 0 means all.
select id, workflow, workflow_version, status, error, last_sequence, create_time, end_time
from ragdz.runs
where tenant_id = ragdz.visible_tenant() and id < :before_id and (:status::integer = 0 or status = :status::integer)
order by id desc
limit :page_size;

-- name: runPosition :one
select status, last_sequence
from ragdz.runs
where tenant_id = ragdz.visible_tenant() and id = :id;

-- name: eventsAfter :many
select sequence, type, step_id, time, data
from ragdz.run_events
where tenant_id = ragdz.visible_tenant() and run_id = :run_id and sequence > :after_sequence
order by sequence
limit :page_size;
