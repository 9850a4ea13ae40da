-- Runs are looked for by the time they were planned for. A few kB for a million runs, and nothing to keep in order.
create index job_runs_history_planned on hourhand_parts.job_runs_history using brin (run_at);
