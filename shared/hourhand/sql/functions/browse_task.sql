-- What the form of a schedule asks about a task: what workers registered, how many of them can run it now, and how long its
-- runs usually take in seconds: those of the schedule, else those among the last few thousand.
create or replace function hourhand.browse_task(p_task text, p_schedule_id bigint default null)
returns jsonb
language plpgsql stable security definer set search_path = '' set jit = off
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_usual double precision;
begin
  select percentile_cont(0.5) within group (order by hourhand_parts.seconds(r.finished_at - r.started_at)) into v_usual
  from (
    select r.started_at, r.finished_at from hourhand.job_runs r
    where r.schedule_id = p_schedule_id and r.task = p_task and r.status = 'completed' order by r.id desc limit 50
  ) r;
  if v_usual is null then
    select percentile_cont(0.5) within group (order by hourhand_parts.seconds(r.finished_at - r.started_at)) into v_usual
    from (select * from hourhand.job_runs r where r.status = 'completed' order by r.id desc limit 2000) r
    where r.task = p_task;
  end if;
  return jsonb_build_object(
    'now', v_now,
    'usual', v_usual,
    'task', (
      select to_jsonb(t) || jsonb_build_object('timeout', hourhand_parts.seconds(t.timeout))
      from hourhand.tasks t where t.name = p_task
    ),
    'workers', (
      select count(*) from hourhand.services s
      where s.kind = 'worker' and s.state = 'open' and s.lease_until > v_now and s.tasks ? p_task
    )
  );
end
$$;
