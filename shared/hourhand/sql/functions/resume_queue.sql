create or replace function hourhand.resume_queue(p_queue text)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_queue hourhand.queues;
begin
  perform hourhand_parts.require_read_committed();
  insert into hourhand.queues as q (name, updated_at) values (p_queue, v_now)
  on conflict (name) do update set paused_at = null, pause_note = null, updated_at = v_now
  returning * into v_queue;
  perform hourhand_parts.audit('queue.resumed', p_queue, null, to_jsonb(v_queue));
  perform pg_notify('hourhand_runs', '');
  return to_jsonb(v_queue);
end
$$;
