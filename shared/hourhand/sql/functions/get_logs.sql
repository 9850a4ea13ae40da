-- Log lines of a run after line p_after; 'terminal' says that no more will come.
create or replace function hourhand.get_logs(p_run_id bigint, p_after bigint default 0, p_limit int default 1000)
returns jsonb
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_status text;
begin
  select status into v_status from hourhand.job_runs where id = p_run_id;
  if not found then
    raise exception 'there is no run %', p_run_id using errcode = 'PT404', hint = 'See `hourhand run list`.';
  end if;
  return jsonb_build_object(
    'status', v_status, 'terminal', v_status in ('completed', 'failed', 'cancelled'),
    'logs', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'id', l.id, 'attempt', l.attempt, 'seq', l.seq, 'at', l.at, 'level', l.level, 'message', l.message) order by l.id), '[]')
      from (
        select * from hourhand.job_run_logs where run_id = p_run_id and id > p_after order by id limit p_limit
      ) l
    )
  );
end
$$;
