-- When the items of ended fleet runs are due again: after the interval of their rank, or after a failure
-- from 15 minutes on, doubled each time, at most that interval; never at once. Their schedules are locked.
create or replace function hourhand_parts.settle_items(p_run_ids bigint[], p_now timestamptz)
returns void
language sql set search_path = ''
as $$
  update hourhand.schedule_items i
  set run_id = null,
      last_completed_at = case when h.status = 'completed' then p_now else i.last_completed_at end,
      failures = case when h.status = 'completed' then 0 when h.status = 'failed' then i.failures + 1 else i.failures end,
      next_run_at = p_now + case
        when h.status = 'completed' then hourhand_parts.rank_interval(s.rank_intervals, i.rank)
        else least(
          hourhand_parts.rank_interval(s.rank_intervals, i.rank),
          interval '15 minutes' * power(2, least(i.failures, 16))
        )
      end
  from hourhand_parts.job_runs_history h
  join hourhand.scheduled_jobs s on s.id = h.schedule_id
  where h.id = any(p_run_ids) and h.finished_at = p_now and h.item_key is not null
    and i.schedule_id = h.schedule_id and i.item_key = h.item_key and i.run_id = h.id
$$;
