-- When to look again for a place of a task, queue or key, while a due run waits for one. An end that frees it gives a
-- hint, but not to everybody, and not to a run that is enqueued in the same moment.
create or replace function hourhand_parts.next_place(p_queues jsonb, p_tasks jsonb, p_now timestamptz)
returns timestamptz
language plpgsql set search_path = '' set enable_seqscan = off
as $$
begin
  if not hourhand_parts.has_limits() and not exists (
    select from hourhand_parts.job_runs_live r
    where r.status = 'pending' and r.lost_count = 0 and r.concurrency_key is not null
  ) then
    return null;
  end if;
  return (
    select p_now + interval '1 second'
    from hourhand_parts.open_lanes(
      array(
        select q.name from jsonb_array_elements_text(coalesce(p_queues, hourhand_parts.pending_queues())) q(name)
        where not exists (select from hourhand.queues p where p.name = q.name and p.paused_at is not null)
      ),
      array(select jsonb_array_elements_text(p_tasks)), p_now, '-infinity'
    ) l
    where l.task_limited or l.has_keyed
      or exists (select from hourhand.queues q where q.name = l.queue and q.concurrency is not null)
    limit 1
  );
end
$$;
