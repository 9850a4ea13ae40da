-- Locked processing runs back to pending, their attempt not used up; those asked to be cancelled are cancelled.
create or replace function hourhand_parts.give_back(p_ids bigint[], p_now timestamptz)
returns void
language plpgsql set search_path = ''
as $$
declare
  v_cancelled bigint[];
  v_back bigint[];
begin
  select array_agg(l.id) filter (where l.cancel_requested_at is not null),
    array_agg(l.id) filter (where l.cancel_requested_at is null)
  into v_cancelled, v_back
  from hourhand_parts.job_runs_live l where l.id = any(p_ids);
  if v_back is not null then
    perform hourhand_parts.return_runs(
      v_back, array_fill(0::double precision, array[cardinality(v_back)]),
      array_fill(1, array[cardinality(v_back)]), array_fill(0, array[cardinality(v_back)]), p_now
    );
  end if;
  if v_cancelled is not null then
    perform hourhand_parts.cancel_locked(v_cancelled, p_now);
  end if;
end
$$;
