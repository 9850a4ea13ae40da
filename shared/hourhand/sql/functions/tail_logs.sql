-- The last lines of a run, in their order; 'cut' says that there are earlier ones.
create or replace function hourhand.tail_logs(p_run_id bigint, p_limit int default 500)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_status text;
  v_logs jsonb;
begin
  select status into v_status from hourhand.job_runs where id = p_run_id;
  if not found then
    raise exception 'there is no run %', p_run_id using errcode = 'PT404', hint = 'See `hourhand run list`.';
  end if;
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', l.id, 'attempt', l.attempt, 'seq', l.seq, 'at', l.at, 'level', l.level, 'message', l.message) order by l.id), '[]')
  into v_logs
  from (
    select * from hourhand.job_run_logs where run_id = p_run_id order by id desc limit p_limit + 1
  ) l;
  return jsonb_build_object(
    'status', v_status, 'terminal', v_status in ('completed', 'failed', 'cancelled'),
    'cut', jsonb_array_length(v_logs) > p_limit,
    'logs', case when jsonb_array_length(v_logs) > p_limit then v_logs - 0 else v_logs end
  );
end
$$;
