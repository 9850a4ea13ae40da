-- The queues to claim from: those asked for, or all with pending runs, without those that are paused or full. Full is
-- only a first look; pick_runs looks again under the locks.
create or replace function hourhand_parts.claimable_queues(p_queues jsonb, p_now timestamptz)
returns text[]
language plpgsql set search_path = ''
as $$
declare
  v_queues text[];
  v_limited boolean;
  v_rooms jsonb;
begin
  select array_agg(q.name), bool_or(p.concurrency is not null or p.rate is not null) into v_queues, v_limited
  from jsonb_array_elements_text(
    case when jsonb_typeof(p_queues) = 'array' then p_queues else hourhand_parts.pending_queues() end
  ) q(name)
  left join hourhand.queues p on p.name = q.name
  where p.paused_at is null;
  if v_limited then
    v_rooms := hourhand_parts.queue_rooms(v_queues, p_now);
    v_queues := array(select q from unnest(v_queues) q where coalesce((v_rooms ->> q)::bigint, 1) > 0);
  end if;
  return v_queues;
end
$$;
