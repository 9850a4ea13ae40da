-- Queues with live runs or a setting of their own.
create or replace function hourhand.list_queues()
returns jsonb
language sql stable security definer set search_path = '' set jit = off
as $$
  select jsonb_build_object('now', hourhand.clock(), 'queues', coalesce(jsonb_agg(jsonb_build_object(
    'name', n.name, 'pending', coalesce(l.pending, 0), 'processing', coalesce(l.processing, 0),
    'paused_at', q.paused_at, 'pause_note', q.pause_note, 'concurrency', q.concurrency,
    'rate', q.rate, 'burst', q.burst
  ) order by n.name), '[]'))
  from (
    select name from hourhand.queues union select queue from hourhand_parts.job_runs_live
    union select queue from hourhand.tasks
  ) n
  left join hourhand.queues q on q.name = n.name
  left join (
    select queue, count(*) filter (where status = 'pending') as pending,
      count(*) filter (where status = 'processing') as processing
    from hourhand_parts.job_runs_live group by queue
  ) l on l.queue = n.name
$$;
