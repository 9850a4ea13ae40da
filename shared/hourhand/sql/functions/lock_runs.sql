-- Locks live runs before they are changed, in the one order that everybody keeps: the rows of their schedules,
-- then the runs and the sequences that wait for them, each in id order.
create or replace function hourhand_parts.lock_runs(p_ids bigint[])
returns void
language plpgsql set search_path = ''
as $$
declare
  v_schedules bigint[];
  v_parents bigint[];
begin
  select array_agg(distinct l.schedule_id), array_agg(distinct l.parent_id) into v_schedules, v_parents
  from hourhand_parts.job_runs_live l
  where l.id = any(p_ids) and (l.schedule_id is not null or l.parent_id is not null);
  if v_schedules is not null then
    perform from hourhand.scheduled_jobs s where s.id = any(v_schedules) order by s.id for no key update;
  end if;
  if v_parents is not null then
    v_parents := array(
      select l.id from hourhand_parts.job_runs_live l where l.id = any(v_parents) and l.task = 'hourhand.sequence'
    );
  end if;
  perform from hourhand_parts.job_runs_live l where l.id = any(p_ids || v_parents) order by l.id for update;
end
$$;
