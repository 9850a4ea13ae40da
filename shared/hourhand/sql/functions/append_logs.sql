-- Log lines of runs that the session holds: [{"run_id","token","attempt","seq","at","level","message"}].
create or replace function hourhand.append_logs(p_session uuid, p_logs jsonb default '[]')
returns jsonb
language plpgsql security definer set search_path = '' set jit = off
as $$
declare
  v_total int := jsonb_array_length(p_logs);
  v_good int;
  v_order bigint := hourhand_parts.lock_key('logs', 'order');
begin
  perform hourhand_parts.require_read_committed();
  -- Who follows a run reads on from the last line it has, so the ids of a run's lines have to be committed in their order.
  -- An attempt's own lines come call by call; those of an attempt that is over wait for whoever else is writing.
  if exists (
    select from jsonb_to_recordset(p_logs) l(run_id bigint, token uuid)
    where not exists (select from hourhand_parts.job_runs_live r where r.id = l.run_id and r.token = l.token)
  ) then
    perform pg_advisory_xact_lock(v_order);
  else
    perform pg_advisory_xact_lock_shared(v_order);
  end if;
  with input as (
    select l.* from jsonb_to_recordset(p_logs)
      l(run_id bigint, token uuid, attempt int, seq int, at timestamptz, level text, message text)
  ), good as (
    select i.* from input i
    where exists (
      select from hourhand_parts.job_runs_live r where r.id = i.run_id and r.token = i.token
    ) or hourhand_parts.was_finished(i.run_id, i.token)
  ), stored as (
    insert into hourhand.job_run_logs (run_id, attempt, seq, at, level, message)
    select g.run_id, g.attempt, g.seq, g.at, g.level, left(g.message, 65536) from good g order by g.run_id, g.attempt, g.seq
    on conflict do nothing
  )
  select count(*) into v_good from good;
  return jsonb_build_object('stored', v_good, 'stale', v_total - v_good);
end
$$;
