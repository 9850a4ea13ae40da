-- Inserts one run, or finds the run that holds its key. Callers hold no other run's lock.
create or replace function hourhand_parts.insert_run(p_job jsonb, p_now timestamptz)
returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_run hourhand.job_runs := hourhand_parts.new_run(p_job, p_now);
  v_holder bigint;
begin
  if v_run.unique_key is not null then
    v_holder := hourhand_parts.take_key(
      coalesce(p_job ->> 'key_scope', v_run.task), v_run.unique_key, v_run.id,
      p_now + coalesce(hourhand_parts.duration(p_job -> 'key_ttl'), interval '24 hours'), p_now
    );
    if v_holder <> v_run.id then
      -- Not one condition: beside a null the other side of an `and` is called as well.
      if p_job ->> 'on_conflict' = 'replace' then
        if hourhand_parts.replace_run(v_holder, v_run) then
          return jsonb_build_object('id', v_holder, 'outcome', 'replaced');
        end if;
      end if;
      return jsonb_build_object('id', v_holder, 'outcome', 'existing');
    end if;
  end if;
  insert into hourhand_parts.job_runs_live select v_run.*;
  return jsonb_build_object('id', v_run.id, 'outcome', 'created');
end
$$;
