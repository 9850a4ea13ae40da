-- Runs are numbered as they are made, and nearly all are made when they are planned for. These few were made later, so that
-- whoever looks for a planned time need not look at all runs since.
create index job_runs_history_made_up on hourhand_parts.job_runs_history (id) where created_at - run_at > interval '1 minute';
