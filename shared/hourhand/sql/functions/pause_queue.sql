create or replace function hourhand.pause_queue(p_queue text, p_note text default null)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_queue hourhand.queues;
begin
  perform hourhand_parts.require_read_committed();
  insert into hourhand.queues as q (name, paused_at, pause_note, updated_at) values (p_queue, v_now, p_note, v_now)
  on conflict (name) do update set paused_at = coalesce(q.paused_at, v_now), pause_note = p_note, updated_at = v_now
  returning * into v_queue;
  perform hourhand_parts.audit('queue.paused', p_queue, null, to_jsonb(v_queue));
  return to_jsonb(v_queue);
end
$$;
