-- Takes a token out of the bucket of its queue for each run; the queues' locks are held.
create or replace function hourhand_parts.take_tokens(p_ids bigint[], p_now timestamptz)
returns void
language plpgsql set search_path = ''
as $$
begin
  if exists (select from hourhand.queues q where q.rate is not null) then
    update hourhand.queues q
    set tokens = hourhand_parts.queue_tokens(q, p_now) - taken.n, tokens_at = p_now
    from (
      select l.queue, count(*) as n from hourhand_parts.job_runs_live l where l.id = any(p_ids) group by l.queue
    ) taken
    where q.name = taken.queue and q.rate is not null;
  end if;
end
$$;
