-- Adds what has ended to the counters, up to a minute ago: a transaction that read the clock before that has committed.
-- The caller holds the lock of the watch.
create or replace function hourhand_parts.count_up(p_now timestamptz)
returns void
language plpgsql set search_path = ''
as $$
declare
  v_after timestamptz;
  v_until timestamptz := p_now - interval '1 minute';
begin
  select w.counted_until into v_after from hourhand_parts.watching w for update;
  if v_after >= v_until then
    return;
  end if;
  insert into hourhand_parts.counters as known (metric, labels, value)
  select e.metric, e.labels, e.value from hourhand_parts.count_ended(v_after, v_until) e
  order by e.metric, e.labels
  on conflict (metric, labels) do update set value = known.value + excluded.value;
  update hourhand_parts.watching set counted_until = v_until where one;
end
$$;
