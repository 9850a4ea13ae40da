-- Puts a test message for each destination into the outbox.
create or replace function hourhand.test_alert(p_destinations jsonb)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_id bigint;
begin
  perform hourhand_parts.require_read_committed();
  insert into hourhand_parts.alerts (rule, subject, summary, opened_at, closed_at)
  values ('test', 'test', 'This is a test: alerts of hourhand arrive here.', v_now, v_now)
  returning id into v_id;
  perform hourhand_parts.queue_messages('test', array[v_id], p_destinations, v_now, v_now);
  return jsonb_build_object('id', v_id);
end
$$;
