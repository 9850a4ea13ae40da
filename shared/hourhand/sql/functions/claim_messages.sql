-- Takes messages from the outbox that are due, for the destinations the caller can reach, and pings. Each is the caller's
-- for p_lease seconds; who has not settled it by then loses it to the next who asks. Several may ask at once.
create or replace function hourhand.claim_messages(
  p_destinations jsonb default '[]', p_max int default 10, p_lease double precision default 120
)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_ids uuid[];
  v_messages jsonb;
begin
  perform hourhand_parts.require_read_committed();
  v_ids := array(
    select m.id from hourhand_parts.messages m
    where m.due_at <= v_now and (m.destination = 'ping' or p_destinations ? m.destination)
    order by m.due_at, m.created_at, m.run_id, m.kind desc limit p_max
    for update skip locked
  );
  update hourhand_parts.messages set due_at = v_now + make_interval(secs => p_lease), attempts = attempts + 1
  where id = any(v_ids);
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', m.id, 'kind', m.kind, 'destination', m.destination, 'attempt', m.attempts, 'body', m.body
  ) order by m.created_at, m.run_id, m.kind desc), '[]') into v_messages
  from hourhand_parts.messages m where m.id = any(v_ids);
  return jsonb_build_object('now', v_now, 'messages', v_messages);
end
$$;
