-- The runs of enqueue_many() one by one, where some may replace what their key holds. Answers in the order given.
create or replace function hourhand_parts.insert_in_turn(p_jobs jsonb, p_now timestamptz)
returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_answers jsonb[] := array_fill(null::jsonb, array[jsonb_array_length(p_jobs)]);
  v_job record;
begin
  for v_job in
    select j.value, j.ordinality from jsonb_array_elements(p_jobs) with ordinality j
    order by coalesce(j.value ->> 'key_scope', j.value ->> 'task'), j.value ->> 'key', j.ordinality
  loop
    v_answers[v_job.ordinality] := hourhand_parts.insert_run(v_job.value, p_now);
  end loop;
  return to_jsonb(v_answers);
end
$$;
