-- What is new for those who watch. Each of p_runs, {"id", "after"}, gets its state, whose 'version' differs when anything
-- in it does, and its lines after that id; 'more' says that there are more than fit into p_bytes. A run that is not there
-- (any more) has no status. p_topics, of runs, schedules and services, get a text each that differs when one of them has
-- changed: at once for the newest thousand, for others as soon as the server's statistics tell.
create or replace function hourhand.get_changes(
  p_runs jsonb default '[]', p_topics jsonb default '[]', p_bytes int default 2000000
)
returns jsonb
language plpgsql stable security definer set search_path = '' set jit = off
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_watched record;
  v_run hourhand.job_runs;
  v_lines record;
  v_left bigint := p_bytes;
  v_runs jsonb[] := '{}';
  v_topics jsonb := '{}';
begin
  for v_watched in
    select (w ->> 'id')::bigint as id, coalesce((w ->> 'after')::bigint, 0) as after from jsonb_array_elements(p_runs) w
  loop
    select * into v_run from hourhand.job_runs where id = v_watched.id;
    select coalesce(jsonb_agg(jsonb_build_object(
        'id', l.id, 'attempt', l.attempt, 'seq', l.seq, 'at', l.at, 'level', l.level, 'message', l.message) order by l.id)
        filter (where l.size <= v_left), '[]') as logs,
      coalesce(bool_or(l.size > v_left), false) or count(*) = 1000 as more,
      coalesce(max(l.size) filter (where l.size <= v_left), 0) as size
    into v_lines
    from (
      select o.*, sum(octet_length(o.message) + 200) over (order by o.id) as size
      from (
        select * from hourhand.job_run_logs where run_id = v_watched.id and id > v_watched.after order by id limit 1000
      ) o
    ) l;
    v_left := v_left - v_lines.size;
    v_runs := v_runs || (hourhand_parts.run_row(v_run) || jsonb_build_object(
      'id', v_watched.id, 'progress', v_run.progress,
      'result', v_run.result, 'cancel_reason', v_run.cancel_reason,
      'terminal', v_run.status is null or v_run.status in ('completed', 'failed', 'cancelled'),
      'version', left(md5(jsonb_build_array(v_run.status, v_run.attempt, v_run.lost_count, v_run.run_at, v_run.claimed_at,
        v_run.started_at, v_run.finished_at, v_run.cancel_requested_at, v_run.progress, v_run.payload)::text), 12),
      'logs', v_lines.logs, 'more', v_lines.more
    ));
  end loop;

  if p_topics ? 'runs' then
    v_topics := v_topics || jsonb_build_object('runs', (
      select md5(coalesce(string_agg(r.id || r.status || r.attempt || coalesce(r.progress::text, ''), ' ' order by r.id), ''))
      from (select * from hourhand.job_runs order by id desc limit 1000) r
    ) || hourhand_parts.count_changes('hourhand_parts.job_runs_live'));
  end if;
  if p_topics ? 'schedules' then
    v_topics := v_topics || jsonb_build_object('schedules', (
      select md5(coalesce(string_agg(s.id || ' ' || s.updated_at || coalesce(s.next_run_at::text, '') || coalesce(s.error, ''), ' ' order by s.id), ''))
      from (select * from hourhand.scheduled_jobs order by id desc limit 1000) s
    ) || hourhand_parts.count_changes('hourhand.scheduled_jobs'));
  end if;
  if p_topics ? 'services' then
    v_topics := v_topics || jsonb_build_object('services', (
      select md5(coalesce(string_agg(s.id || ' ' || s.state || (s.lease_until > v_now), ' ' order by s.id), ''))
      from hourhand.services s where s.state = 'open' or s.ended_at > v_now - interval '10 minutes'
    ));
  end if;
  return jsonb_build_object('now', v_now, 'runs', to_jsonb(v_runs), 'topics', v_topics);
end
$$;
