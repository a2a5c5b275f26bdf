-- What was asked for again under the same request id is found, and not made twice.
alter table ragdz.eval_runs add column request_id text check (char_length(request_id) between 1 and 100);
create unique index eval_runs_by_request on ragdz.eval_runs (tenant_id, request_id) where request_id is not null;

alter table ragdz.conversation_turns add column request_id text check (char_length(request_id) between 1 and 100);
create unique index conversation_turns_by_request on ragdz.conversation_turns (tenant_id, conversation_id, request_id)
    where request_id is not null;
