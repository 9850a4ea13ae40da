-- Locked processing runs back to pending, their attempt not used up, with a hint for the workers; those asked to be
-- cancelled are cancelled from there, without the token, which would tell an attempt that has delivered its outcome.
create or replace function hourhand_parts.give_back(p_ids bigint[], p_now timestamptz)
returns void
language plpgsql set search_path = ''
as $$
declare
  v_count int := coalesce(cardinality(p_ids), 0);
begin
  if v_count > 0 then
    perform hourhand_parts.return_runs(
      p_ids, array_fill(0::double precision, array[v_count]), array_fill(1, array[v_count]), array_fill(0, array[v_count]),
      p_now
    );
    perform pg_notify('hourhand_runs', '');
    perform hourhand_parts.cancel_locked(
      array(select l.id from hourhand_parts.job_runs_live l where l.id = any(p_ids) and l.cancel_requested_at is not null),
      p_now
    );
  end if;
end
$$;
