-- What the bucket of a queue holds now; null without a rate. A clock set back takes nothing out of it.
create or replace function hourhand_parts.queue_tokens(p_queue hourhand.queues, p_now timestamptz)
returns numeric
language sql immutable set search_path = ''
as $$
  select least(p_queue.burst, p_queue.tokens
    + p_queue.rate::numeric * greatest(extract(epoch from p_now) - extract(epoch from p_queue.tokens_at), 0))
  where p_queue.rate is not null
$$;
