-- Turns due instants into runs. An entry counts only if its schedule is still exactly what the scheduler read
-- (revision and next_run_at) and every instant has come by this clock; the ledger, the runs and the cursor
-- move in one transaction, so of any number of schedulers one fires and the others lose harmlessly. Who fired gets the
-- same answer again when it repeats the call.
create or replace function hourhand.fire(p_session uuid, p_firings jsonb default '[]')
returns jsonb
language plpgsql security definer set search_path = '' set jit = off
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_results jsonb := '[]';
  v_result jsonb;
  v_wake boolean := false;
  v_firing jsonb;
  v_schedule hourhand.scheduled_jobs;
begin
  perform hourhand_parts.require_read_committed();
  -- Not worth a wait for the disk, see docs/decisions/durability.md.
  perform set_config('synchronous_commit', 'off', true);
  perform from hourhand.scheduled_jobs s
  where s.id = any(array(select (f ->> 'schedule_id')::bigint from jsonb_array_elements(p_firings) f))
  order by s.id
  for no key update;
  for v_firing in select f from jsonb_array_elements(p_firings) f loop
    -- Read again: the lock may have waited for another scheduler's fire.
    select * into v_schedule from hourhand.scheduled_jobs s where s.id = (v_firing ->> 'schedule_id')::bigint;
    begin
      v_result := hourhand_parts.fire_one(p_session, v_firing, v_schedule, v_now);
    exception when data_exception or integrity_constraint_violation or raise_exception or sqlstate 'PT422' then
      -- One schedule whose row cannot become a run stops no other.
      v_result := hourhand_parts.quarantine(v_schedule, sqlerrm, hourhand_parts.entry_key(p_session, v_firing));
    end;
    v_wake := v_wake or v_result ->> 'outcome' = 'fired';
    v_results := v_results || v_result;
  end loop;
  if v_wake then
    perform pg_notify('hourhand_runs', '');
  end if;
  return jsonb_build_object('now', v_now, 'results', v_results);
end
$$;
