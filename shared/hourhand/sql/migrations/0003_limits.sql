-- How many runs with the same concurrency key may go on at once.
alter table hourhand.tasks add column key_concurrency int not null default 1
  constraint key_concurrency_is_positive check (key_concurrency >= 1);
-- The token bucket of a queue: it held so many tokens at that time, and gets `rate` (runs per second) more each
-- second until it holds `burst`. Numeric, so that nothing is lost or won by rounding, however often it is written.
alter table hourhand.queues
  add column burst int constraint burst_is_positive check (burst >= 1),
  add column tokens numeric,
  add column tokens_at timestamptz,
  add constraint a_rate_has_a_bucket check ((rate is null) = (burst is null) and (rate is null) = (tokens is null)
    and (rate is null) = (tokens_at is null)) not valid;
-- Runs of negative priority with a concurrency key are looked for here, too.
drop index hourhand_parts.job_runs_live_claim_low;
create index job_runs_live_claim_low on hourhand_parts.job_runs_live (queue, task, claim_at, id)
  where status = 'pending' and lost_count = 0 and priority < 0;
