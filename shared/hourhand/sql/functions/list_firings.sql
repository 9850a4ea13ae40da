-- What the ledger says about a time, in order: rows whose instants lie in [p_from, p_until], each with the status of
-- its run. 'more' is the p_after of the next call.
create or replace function hourhand.list_firings(
  p_schedule text,
  p_from timestamptz default null,
  p_until timestamptz default null,
  p_after timestamptz default null,
  p_limit int default 1000
)
returns jsonb
language plpgsql stable security definer set search_path = '' set jit = off
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_schedule hourhand.scheduled_jobs := hourhand_parts.read_schedule(p_schedule);
  v_rows jsonb;
begin
  select coalesce(jsonb_agg(to_jsonb(f) - 'schedule_id' || jsonb_build_object(
    'status', (select r.status from hourhand.job_runs r where r.id = f.run_id)) order by f.scheduled_for), '[]')
  into v_rows
  from (
    select * from hourhand.schedule_firings f
    where f.schedule_id = v_schedule.id
      and (p_until is null or f.scheduled_for <= p_until)
      and (p_after is null or f.scheduled_for > p_after)
      -- The stretch that began before.
      and (p_from is null or f.scheduled_for >= coalesce(
        (hourhand_parts.find_firing(v_schedule.id, p_from)).scheduled_for, p_from))
    order by f.scheduled_for limit p_limit
  ) f;
  return jsonb_build_object(
    'now', v_now, 'schedule', v_schedule.name, 'firings', v_rows,
    'more', case when jsonb_array_length(v_rows) >= p_limit then v_rows -> -1 -> 'scheduled_for' end
  );
end
$$;
