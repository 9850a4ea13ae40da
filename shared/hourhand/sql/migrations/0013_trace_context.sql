-- The span in which a run was asked for, as the header traceparent of the W3C has it: where its traces begin.
-- Whoever makes a run reads tasks first and writes the whole row later: none may be in between with the columns of before.
lock table hourhand.tasks in access exclusive mode;
alter table hourhand.job_runs add column trace_context text;
