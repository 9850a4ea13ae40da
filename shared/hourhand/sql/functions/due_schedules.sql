-- Schedules due before the next poll (p_horizon seconds from now), those never planned first. p_after is the
-- 'more' of the last answer. Nothing is locked: fire() decides.
create or replace function hourhand.due_schedules(
  p_horizon double precision default 60, p_limit int default 25, p_after jsonb default null
)
returns jsonb
language plpgsql stable security definer set search_path = '' set jit = off
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_until timestamptz := v_now + make_interval(secs => p_horizon);
  v_after_at timestamptz := coalesce((p_after ->> 'at')::timestamptz, '-infinity');
  v_after_id bigint := coalesce((p_after ->> 'id')::bigint, 0);
  v_unplanned bigint[] := '{}';
  v_due bigint[] := '{}';
  v_rows jsonb;
begin
  if p_after is null or p_after ->> 'at' is null then
    v_unplanned := array(
      select s.id from hourhand.scheduled_jobs s
      where s.is_active and s.error is null and s.next_run_at is null and s.id > v_after_id
      order by s.id limit p_limit
    );
  end if;
  if cardinality(v_unplanned) < p_limit then
    v_due := array(
      select s.id from hourhand.scheduled_jobs s
      where s.is_active and s.error is null and s.next_run_at <= v_until
        and (s.next_run_at, s.id) > (v_after_at, v_after_id)
      order by s.next_run_at, s.id limit p_limit - cardinality(v_unplanned)
    );
  end if;
  select coalesce(jsonb_agg(hourhand_parts.schedule_json(s) order by s.next_run_at nulls first, s.id), '[]')
  into v_rows
  from hourhand.scheduled_jobs s where s.id = any(v_unplanned || v_due);
  return jsonb_build_object(
    'now', v_now, 'schedules', v_rows,
    'more', case when jsonb_array_length(v_rows) >= p_limit then
      jsonb_build_object('at', v_rows -> -1 -> 'next_run_at', 'id', v_rows -> -1 -> 'id') end
  );
end
$$;
