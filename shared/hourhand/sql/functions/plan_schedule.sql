-- A change of timing asks the scheduler to compute again, strictly after now: an edit never fires at once. Any edit takes
-- back a schedule that was set aside: what was wrong may be in every column.
create or replace function hourhand_parts.plan_schedule()
returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  v_now timestamptz := hourhand.clock();
begin
  perform hourhand_parts.check_ranges(new);
  if new.name ~ '^id:[0-9]+$' and new.name is distinct from old.name then
    raise exception 'a schedule cannot be called "%"', new.name
      using errcode = 'PT422', hint = 'That means the schedule with this id.';
  end if;
  -- A list of texts: Postgres would also keep nulls and lists of lists.
  new.tags := array_remove(array(select unnest(new.tags)), null);
  new.timezone := nullif(new.timezone, '');
  if tg_op = 'INSERT' then
    if new.id < 1 then
      raise exception 'the id of a schedule is at least 1, not %', new.id using errcode = 'PT422', hint = 'Leave it out.';
    end if;
    new.next_run_at := null;
    new.last_run_at := null;
    new.decided_until := null;
    new.last_entry := null;
    new.run_count := 0;
    new.revision := 1;
    new.error := null;
    new.created_at := v_now;
    new.updated_at := v_now;
    return new;
  end if;
  -- The scheduler itself writes the default timezone together with the first next_run_at.
  if old.timezone is null and new.timezone is not null and new.next_run_at is not null
    and (old.cron, old.every, old.run_at, old.is_active) is not distinct from (new.cron, new.every, new.run_at, new.is_active)
    and old.next_run_at is not distinct from new.next_run_at
  then
    return new;
  end if;
  if old.error is not null
    or (new.cron, new.every, new.anchor, new.run_at, new.timezone, new.dst_gap, new.dst_overlap, new.starts_at, new.ends_at,
      new.max_runs, new.exclude, new.is_active, new.paused_until, new.name)
    is distinct from
     (old.cron, old.every, old.anchor, old.run_at, old.timezone, old.dst_gap, old.dst_overlap, old.starts_at,
      old.ends_at, old.max_runs, old.exclude, old.is_active, old.paused_until, old.name)
  then
    new.revision := old.revision + 1;
    new.next_run_at := null;
    new.error := null;
  elsif (new.catch_up, new.catch_up_window, new.catch_up_limit, new.jitter, new.start_deadline, new.profile)
    is distinct from
     (old.catch_up, old.catch_up_window, old.catch_up_limit, old.jitter, old.start_deadline, old.profile)
  then
    -- What is due stays due, but who has read the row before decides no more about it.
    new.revision := old.revision + 1;
  end if;
  new.updated_at := v_now;
  return new;
end
$$;
