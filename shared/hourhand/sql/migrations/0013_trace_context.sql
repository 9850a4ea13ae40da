-- The span in which a run was asked for, as the header traceparent of the W3C has it: where its traces begin.
alter table hourhand.job_runs add column trace_context text;
