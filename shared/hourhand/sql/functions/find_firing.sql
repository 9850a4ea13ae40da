-- What the ledger says about one instant: the row of its own, or of the stretch that it lies in; null when nothing.
create or replace function hourhand_parts.find_firing(p_schedule_id bigint, p_at timestamptz)
returns hourhand.schedule_firings
language plpgsql stable set search_path = ''
as $$
declare
  v_firing hourhand.schedule_firings;
begin
  select * into v_firing from hourhand.schedule_firings f
  where f.schedule_id = p_schedule_id and f.scheduled_for <= p_at
  order by f.scheduled_for desc limit 1;
  if coalesce(v_firing.scheduled_until, v_firing.scheduled_for) < p_at then
    return null;
  end if;
  return v_firing;
end
$$;
