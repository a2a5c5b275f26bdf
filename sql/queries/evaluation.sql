-- room: Retrieval
-- Sets of questions and runs of them. Every statement but claimEvalRun runs with the tenant's identity.

-- name: lockEvaluations :one
-- Until the transaction's end nobody else of the tenant makes a set or starts a run, so that counting them means something.
select true as "locked!"
from pg_advisory_xact_lock(hashtextextended('evaluations', uuid_hash_extended(ragdz.visible_tenant(), 0)));

-- name: countEvaluations :one
select (select count(*) from ragdz.eval_sets where tenant_id = ragdz.visible_tenant()) as "sets!",
    (select count(*) from ragdz.eval_runs where tenant_id = ragdz.visible_tenant() and state = 'running') as "running!";

-- name: insertEvalSet :one
-- row: EvalSetRow
-- No row when the name is taken.
insert into ragdz.eval_sets (tenant_id, id, name)
values (ragdz.visible_tenant(), :id, :name)
on conflict (tenant_id, name) do nothing
returning id, name, case_count, create_time;

-- name: findEvalSet :one
-- row: EvalSetRow
-- By id or name.
select id, name, case_count, create_time
from ragdz.eval_sets
where tenant_id = ragdz.visible_tenant() and (id = :id? or name = :name);

-- name: listEvalSets :many
-- row: EvalSetRow
select id, name, case_count, create_time
from ragdz.eval_sets
where tenant_id = ragdz.visible_tenant() and name > :after_name
order by name
limit :page_size;

-- name: deleteEvalSet :execrows
-- Its cases and its runs with it.
delete from ragdz.eval_sets where tenant_id = ragdz.visible_tenant() and id = :id;

-- name: countEvalCases :execrows
-- Locks the set; no row when it is gone or would have too many.
update ragdz.eval_sets
set case_count = case_count + :cases::integer
where tenant_id = ragdz.visible_tenant() and id = :id and case_count + :cases::integer <= :most::integer;

-- name: insertEvalCases :exec
insert into ragdz.eval_cases (tenant_id, set_id, id, body, is_feedback)
select ragdz.visible_tenant(), :set_id::uuid, c.id, c.body::jsonb, :is_feedback::boolean
from unnest(:ids::uuid[], :bodies::text[]) as c (id, body);

-- name: listEvalCases :many
select id, body, is_feedback, create_time
from ragdz.eval_cases
where tenant_id = ragdz.visible_tenant() and set_id = :set_id and id > :after_id
order by id
limit :page_size;

-- name: insertEvalRun :execrows
-- With a row for each question that the set has now. Nothing when the set was deleted meanwhile or has no question.
with run as (
    insert into ragdz.eval_runs (
        tenant_id, id, set_id, label, collections, collection_ids, groups, judges_gate, baseline_id, case_count, due_at,
        request_id)
    select s.tenant_id, :id::uuid, s.id, :label::text, :collections::text[], :collection_ids?::uuid[], :groups::text[],
        :judges_gate::boolean, :baseline_id?::uuid, s.case_count, clock_timestamp(),
        nullif(:request_id::text, '')
    from ragdz.eval_sets s
    where s.tenant_id = ragdz.visible_tenant() and s.id = :set_id::uuid and s.case_count > 0
    returning tenant_id, id, set_id
)
insert into ragdz.eval_outcomes (tenant_id, run_id, case_id)
select run.tenant_id, run.id, c.id
from run join ragdz.eval_cases c on c.tenant_id = run.tenant_id and c.set_id = run.set_id;

-- name: findEvalRunByRequest :one
select id,
    (set_id = :set_id::uuid and label = :label::text and collections = :collections::text[] and groups = :groups::text[]
        and judges_gate = :judges_gate::boolean and baseline_id is not distinct from :baseline_id?::uuid) as "alike!"
from ragdz.eval_runs
where tenant_id = ragdz.visible_tenant() and request_id = :request_id::text;

-- name: pruneEvalRuns :execrows
-- Those that are over, but for the newest ones and what a run that goes on will be compared with.
delete from ragdz.eval_runs r
where r.tenant_id = ragdz.visible_tenant() and r.set_id = :set_id and r.state <> 'running'
    and r.id not in (
        select n.id from ragdz.eval_runs n
        where n.tenant_id = ragdz.visible_tenant() and n.set_id = :set_id
        order by n.id desc limit :kept)
    and not exists (
        select from ragdz.eval_runs o
        where o.tenant_id = r.tenant_id and o.state = 'running' and o.baseline_id = r.id);

-- name: findEvalRun :one
-- row: EvalRunRow
select id, set_id, label, collections, collection_ids, groups, judges_gate, baseline_id, state, case_count, done_count, epoch,
    failures, report, comparison, failure_reason, failure_message, create_time, end_time
from ragdz.eval_runs
where tenant_id = ragdz.visible_tenant() and id = :id;

-- name: listEvalRuns :many
-- row: EvalRunRow
-- Newest first.
select id, set_id, label, collections, collection_ids, groups, judges_gate, baseline_id, state, case_count, done_count, epoch,
    failures, report, comparison, failure_reason, failure_message, create_time, end_time
from ragdz.eval_runs
where tenant_id = ragdz.visible_tenant() and set_id = :set_id and id < :before_id
order by id desc
limit :page_size;

-- name: listEvalOutcomes :many
-- What has come of a run's questions so far.
select body as "body!"
from ragdz.eval_outcomes
where tenant_id = ragdz.visible_tenant() and run_id = :run_id and body is not null
order by case_id;

-- name: newEvalOutcomes :many
-- Those after a case, in the order of the cases.
select case_id, body as "body!"
from ragdz.eval_outcomes
where tenant_id = ragdz.visible_tenant() and run_id = :run_id and case_id > :after_id and body is not null
order by case_id;

-- name: cancelEvalRun :execrows
-- Whoever works on it may not keep anything any more.
update ragdz.eval_runs
set state = 'cancelled', due_at = null, end_time = clock_timestamp(), epoch = epoch + 1
where tenant_id = ragdz.visible_tenant() and id = :id and state = 'running';

-- name: claimEvalRun :one
-- Of any tenant; three numbers only.
select tenant_id as "tenant_id!", run_id as "run_id!", epoch as "epoch!" from ragdz.claim_eval_run(:lease_micros::bigint);

-- name: pendingEvalCases :many
select c.id, c.body
from ragdz.eval_outcomes o
join ragdz.eval_runs r on r.tenant_id = o.tenant_id and r.id = o.run_id
join ragdz.eval_cases c on c.tenant_id = o.tenant_id and c.set_id = r.set_id and c.id = o.case_id
where o.tenant_id = ragdz.visible_tenant() and o.run_id = :run_id and o.body is null
order by c.id
limit :at_most;

-- name: keepEvalOutcomes :execrows
-- Nothing when the claim is not the newest one or the run is over. The run may be claimed at once.
with mine as (
    update ragdz.eval_runs
    set done_count = done_count + cardinality(:case_ids::uuid[]), failures = 0, due_at = clock_timestamp()
    where tenant_id = ragdz.visible_tenant() and id = :run_id and epoch = :epoch and state = 'running'
    returning tenant_id, id
)
update ragdz.eval_outcomes o
set body = n.body::jsonb
from mine, unnest(:case_ids::uuid[], :bodies::text[]) as n (case_id, body)
where o.tenant_id = mine.tenant_id and o.run_id = mine.id and o.case_id = n.case_id and o.body is null;

-- name: postponeEvalRun :execrows
update ragdz.eval_runs
set failures = failures + 1, due_at = clock_timestamp() + :wait_micros::bigint * interval '1 microsecond'
where tenant_id = ragdz.visible_tenant() and id = :id and epoch = :epoch and state = 'running';

-- name: endEvalRun :execrows
-- Nothing when the claim is not the newest one or the run is over.
update ragdz.eval_runs
set state = :state, report = :report?::jsonb, comparison = :comparison?::jsonb, failure_reason = :failure_reason,
    failure_message = :failure_message, due_at = null, end_time = clock_timestamp()
where tenant_id = ragdz.visible_tenant() and id = :id and epoch = :epoch and state = 'running';

-- name: knownDocuments :many
-- Those of the ids that the caller sees: own ones, and those of corpora that are shared with the tenant.
select id as "id!" from ragdz.documents
where tenant_id = ragdz.visible_tenant() and id = any (:ids::uuid[])
union all
select id from ragdz.shared_documents(:ids::uuid[]);
