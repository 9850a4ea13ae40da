-- Ends locked live runs as cancelled, with the reason stored on each.
create or replace function hourhand_parts.cancel_locked(p_ids bigint[], p_now timestamptz)
returns void
language plpgsql set search_path = ''
as $$
declare
  v_ids bigint[];
  v_reasons text[];
begin
  select array_agg(l.id), array_agg(coalesce(l.cancel_reason, 'cancelled')) into v_ids, v_reasons
  from hourhand_parts.job_runs_live l where l.id = any(p_ids);
  if v_ids is not null then
    perform hourhand_parts.end_runs(
      v_ids, array_fill('cancelled'::text, array[cardinality(v_ids)]), array_fill(null::jsonb, array[cardinality(v_ids)]),
      v_reasons, array_fill(null::timestamptz, array[cardinality(v_ids)]), p_now
    );
  end if;
end
$$;
