-- Creates or changes many schedules, all or none: objects as of put_schedule(). Answers {"results": [{"id", "name",
-- "outcome"}]} in the same order. p_dry_run: all is checked as if it were done, and nothing is changed.
create or replace function hourhand.put_schedules(p_schedules jsonb default '[]', p_dry_run boolean default false)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_schedule record;
  v_answer jsonb;
  v_results jsonb[] := '{}';
  v_hint text;
begin
  perform hourhand_parts.require_read_committed();
  if jsonb_typeof(p_schedules) is distinct from 'array' then
    raise exception 'p_schedules is not a JSON array' using errcode = 'PT422';
  end if;
  -- Those that exist in the order that everybody keeps; new ones by name, so that two callers wait for each other.
  perform from hourhand.scheduled_jobs s
  where s.name = any(array(select p ->> 'name' from jsonb_array_elements(p_schedules) p))
  order by s.id
  for update;
  begin
    for v_schedule in
      select p.value, p.ordinality as place from jsonb_array_elements(p_schedules) with ordinality p order by p.value ->> 'name'
    loop
      begin
        v_answer := hourhand.put_schedule(v_schedule.value, 'upsert');
      exception when data_exception or integrity_constraint_violation or sqlstate 'PT422' then
        get stacked diagnostics v_hint = pg_exception_hint;
        raise exception 'schedule "%": %', hourhand_parts.shown(v_schedule.value ->> 'name'), sqlerrm
          using errcode = sqlstate, hint = v_hint;
      end;
      v_results[v_schedule.place] := (v_answer - 'schedule') || jsonb_build_object('name', v_answer -> 'schedule' -> 'name');
    end loop;
    if p_dry_run then
      raise exception using errcode = 'HH100';
    end if;
  exception when sqlstate 'HH100' then
    null;  -- This undoes what was done, but not what is known of it.
  end;
  return jsonb_build_object('now', v_now, 'results', to_jsonb(v_results));
end
$$;
