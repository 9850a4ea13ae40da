-- One hint for the workers when places of these tasks, queues and keys have become free and a due run waits for one.
create or replace function hourhand_parts.wake_waiting(p_tasks text[], p_queues text[], p_keys text[], p_now timestamptz)
returns void
language plpgsql set search_path = ''
as $$
declare
  v_tasks text[] := array(select t.name from hourhand.tasks t where t.name = any(p_tasks) and t.concurrency is not null);
  v_queues text[] := array(select q.name from hourhand.queues q where q.name = any(p_queues) and q.concurrency is not null);
begin
  if exists (
    -- Order and limit make each key one probe of the index, however many runs wait for it.
    select from unnest(p_keys) k(key)
    cross join lateral (
      select from hourhand_parts.job_runs_live l
      where l.concurrency_key = k.key and l.status = 'pending' and l.lost_count = 0
        and l.claim_at <= p_now + interval '6000 seconds' and l.run_at <= p_now
      order by l.claim_at, l.id limit 1
    ) waiting
  ) or cardinality(v_tasks) > 0 and exists (
    select from hourhand_parts.open_lanes(
      array(select jsonb_array_elements_text(hourhand_parts.pending_queues())), v_tasks, p_now, '-infinity'
    )
  ) or cardinality(v_queues) > 0 and exists (
    select from hourhand_parts.open_lanes(v_queues, array(select t.name from hourhand.tasks t), p_now, '-infinity')
  ) then
    perform pg_notify('hourhand_runs', '');
  end if;
end
$$;
