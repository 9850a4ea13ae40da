-- Live runs that a schedule has fired get its key, so that what is to follow them waits for their end. The schedule is
-- locked.
create or replace function hourhand_parts.serialise_runs(p_schedule_id bigint)
returns void
language plpgsql set search_path = ''
as $$
declare
  v_ids bigint[] := array(
    select l.id from hourhand_parts.job_runs_live l
    where l.schedule_id = p_schedule_id and l.scheduled_for is not null and l.concurrency_key is null
    order by l.id
    for update
  );
begin
  update hourhand_parts.job_runs_live set concurrency_key = 'schedule:' || p_schedule_id where id = any(v_ids);
end
$$;
