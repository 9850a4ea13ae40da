-- Bounds a queue: p_concurrency runs at once over all workers, p_rate runs per second with a burst of p_burst (the runs
-- of one second by default). What is null stays as it is, unless p_clear takes every limit away first.
create or replace function hourhand.limit_queue(
  p_queue text,
  p_concurrency int default null,
  p_rate double precision default null,
  p_burst int default null,
  p_clear boolean default false
)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_before hourhand.queues;
  v_queue hourhand.queues;
begin
  perform hourhand_parts.require_read_committed();
  if p_rate not between 0.000001 and 1000000 then
    raise exception 'p_rate is %, not between 0.000001 and 1000000 runs per second', p_rate
      using errcode = 'PT422', hint = 'To start nothing at all, pause the queue.';
  end if;
  perform hourhand_parts.take_locks(null, null, array[p_queue]);
  insert into hourhand.queues (name, updated_at) values (p_queue, v_now) on conflict (name) do nothing;
  select * into strict v_before from hourhand.queues q where q.name = p_queue for no key update;
  v_queue := v_before;
  if p_clear then
    v_queue.concurrency := null;
    v_queue.rate := null;
  end if;
  v_queue.concurrency := coalesce(p_concurrency, v_queue.concurrency);
  v_queue.rate := coalesce(p_rate, v_queue.rate);
  v_queue.burst := case
    when v_queue.rate is null then null
    when p_rate is not null then coalesce(p_burst, greatest(ceil(p_rate)::int, 1))
    else coalesce(p_burst, v_queue.burst)
  end;
  -- A new bucket is full. One that was there keeps what it holds: to set a limit again lets nothing more through.
  v_queue.tokens := case when v_queue.rate is not null then
    least(coalesce(hourhand_parts.queue_tokens(v_before, v_now), v_queue.burst), v_queue.burst)
  end;
  update hourhand.queues q
  set concurrency = v_queue.concurrency, rate = v_queue.rate, burst = v_queue.burst, tokens = v_queue.tokens,
      tokens_at = case when v_queue.rate is not null then v_now end, updated_at = v_now
  where q.name = p_queue
  returning * into v_queue;
  perform hourhand_parts.audit('queue.limited', p_queue, to_jsonb(v_before), to_jsonb(v_queue));
  perform pg_notify('hourhand_runs', '');
  return to_jsonb(v_queue);
end
$$;
