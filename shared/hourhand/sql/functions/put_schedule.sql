-- Creates or changes a schedule from a JSON object of its columns (durations in seconds or as interval text).
-- p_mode: create, update (only what is given changes) or upsert. With updated_at, as it was read, nothing is changed
-- that somebody else has changed since. Repeated it changes nothing more.
create or replace function hourhand.put_schedule(p_schedule jsonb, p_mode text default 'create')
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_old hourhand.scheduled_jobs;
  v_new hourhand.scheduled_jobs;
  v_given jsonb := p_schedule;
  v_key text;
  v_outcome text := 'created';
begin
  perform hourhand_parts.require_read_committed();
  if p_mode not in ('create', 'update', 'upsert') or jsonb_typeof(p_schedule) is distinct from 'object' then
    raise exception 'put_schedule takes a JSON object, and as p_mode create, update or upsert' using errcode = 'PT422';
  end if;
  select k into v_key from jsonb_object_keys(p_schedule) k
  where k not in ('name', 'description', 'task', 'payload', 'queue', 'priority', 'cron', 'every', 'anchor', 'run_at',
    'timezone', 'dst_gap', 'dst_overlap', 'catch_up', 'catch_up_window', 'catch_up_limit', 'overlap', 'jitter', 'starts_at',
    'ends_at', 'max_runs', 'exclude', 'start_deadline', 'profile', 'rank_intervals', 'max_attempts', 'timeout',
    'is_active', 'paused_until', 'pause_note', 'tags', 'new_name', 'updated_at')
  order by k limit 1;
  if found then
    raise exception 'a schedule has no field "%"', hourhand_parts.shown(v_key) using errcode = 'PT422',
      hint = 'The fields are those of table hourhand.scheduled_jobs that people set.';
  end if;
  if coalesce(p_schedule ->> 'name', '') = '' then
    raise exception 'a schedule needs a name' using errcode = 'PT422';
  elsif exists (
    select from jsonb_each_text(p_schedule) f
    where f.key in ('name', 'new_name') and (length(f.value) > 200 or f.value ~ '[[:cntrl:]]' or f.value <> btrim(f.value))
  ) then
    raise exception 'a schedule cannot be called "%"', hourhand_parts.shown(coalesce(p_schedule ->> 'new_name', p_schedule ->> 'name'))
      using errcode = 'PT422', hint = 'A name has 1 to 200 characters, no space at its ends and no control character.';
  end if;
  foreach v_key in array array['every', 'catch_up_window', 'jitter', 'start_deadline', 'timeout'] loop
    if jsonb_typeof(v_given -> v_key) = 'number' then
      v_given := v_given || jsonb_build_object(v_key, hourhand_parts.duration(v_given -> v_key));
    end if;
  end loop;

  select * into v_old from hourhand.scheduled_jobs where name = p_schedule ->> 'name' for update;
  if not found and p_schedule ->> 'new_name' is not null then
    -- The same call once more, whose answer was lost.
    select s.* into v_old from hourhand.scheduled_jobs s
    where s.name = p_schedule ->> 'new_name' and hourhand_parts.was_renamed(s, p_schedule ->> 'name')
    for update;
  end if;
  if v_old.id is null then
    if p_mode = 'update' then
      raise exception 'there is no schedule "%"', hourhand_parts.shown(p_schedule ->> 'name')
        using errcode = 'PT404', hint = 'See `hourhand schedule list`.';
    end if;
    v_new := hourhand_parts.new_schedule(v_given);
    insert into hourhand.scheduled_jobs (
      name, description, task, payload, queue, priority, cron, every, anchor, run_at, timezone, dst_gap, dst_overlap,
      catch_up, catch_up_window, catch_up_limit, overlap, jitter, starts_at, ends_at, max_runs, exclude, start_deadline,
      profile, rank_intervals, max_attempts, timeout, is_active, paused_until, pause_note, tags
    ) values (
      v_new.name, v_new.description, v_new.task, v_new.payload, v_new.queue, v_new.priority, v_new.cron, v_new.every,
      v_new.anchor, v_new.run_at, v_new.timezone, v_new.dst_gap, v_new.dst_overlap, v_new.catch_up,
      v_new.catch_up_window, v_new.catch_up_limit, v_new.overlap, v_new.jitter, v_new.starts_at, v_new.ends_at,
      v_new.max_runs, v_new.exclude, v_new.start_deadline, v_new.profile, v_new.rank_intervals, v_new.max_attempts,
      v_new.timeout, v_new.is_active, v_new.paused_until, v_new.pause_note, v_new.tags
    )
    on conflict (name) do nothing
    returning * into v_new;
    if not found then
      return hourhand.put_schedule(p_schedule, p_mode);  -- It was created just now, perhaps by this same call.
    end if;
  elsif p_mode = 'create' and hourhand_parts.was_created(v_old, v_given) then
    v_new := v_old;
  elsif p_mode = 'create' then
    raise exception 'there is a schedule "%" already', hourhand_parts.shown(p_schedule ->> 'name')
      using errcode = 'PT409', hint = 'Change it with `hourhand schedule edit`, or choose another name.';
  else
    v_new := jsonb_populate_record(v_old, v_given - 'updated_at');
    v_new.name := coalesce(p_schedule ->> 'new_name', v_old.name);
    if v_new is not distinct from v_old then
      v_outcome := 'unchanged';
    elsif (p_schedule ->> 'updated_at')::timestamptz <> v_old.updated_at then
      raise exception 'schedule "%" was changed by somebody else meanwhile', v_old.name
        using errcode = 'PT409', hint = 'Look at what it is now, then change it again.';
    else
      v_outcome := 'updated';
      update hourhand.scheduled_jobs
      set name = v_new.name, description = v_new.description, task = v_new.task, payload = v_new.payload, queue = v_new.queue,
          priority = v_new.priority, cron = v_new.cron, every = v_new.every, anchor = v_new.anchor, run_at = v_new.run_at,
          timezone = v_new.timezone, dst_gap = v_new.dst_gap, dst_overlap = v_new.dst_overlap, catch_up = v_new.catch_up,
          catch_up_window = v_new.catch_up_window, catch_up_limit = v_new.catch_up_limit, overlap = v_new.overlap,
          jitter = v_new.jitter, starts_at = v_new.starts_at, ends_at = v_new.ends_at, max_runs = v_new.max_runs,
          exclude = v_new.exclude, start_deadline = v_new.start_deadline, profile = v_new.profile,
          rank_intervals = v_new.rank_intervals, max_attempts = v_new.max_attempts, timeout = v_new.timeout,
          is_active = v_new.is_active, paused_until = v_new.paused_until, pause_note = v_new.pause_note, tags = v_new.tags
      where id = v_old.id
      returning * into v_new;
    end if;
  end if;
  return jsonb_build_object('id', v_new.id, 'outcome', v_outcome, 'schedule', hourhand_parts.schedule_json(v_new));
exception
  when check_violation then
    get stacked diagnostics v_key = constraint_name;
    raise exception '%', hourhand_parts.told_constraint(v_key, p_schedule) using errcode = 'PT422';
  when not_null_violation then
    get stacked diagnostics v_key = column_name;
    raise exception 'a schedule needs %', v_key using errcode = 'PT422';
  when unique_violation then
    get stacked diagnostics v_key = constraint_name;
    if v_key <> 'scheduled_jobs_name_key' then
      raise;
    end if;
    raise exception 'there is a schedule "%" already', hourhand_parts.shown(v_new.name)
      using errcode = 'PT409', hint = 'Choose another name.';
end
$$;
