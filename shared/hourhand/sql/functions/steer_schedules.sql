-- Pauses, resumes or triggers all schedules that a filter means: that of browse_schedules, with its state, and ids. At most
-- p_limit a call, by id; 'more' is the p_after of the next. Those for which there is nothing to do, and fleets that would be
-- triggered, are left alone. 'count' is how many there are from p_after on, 'names' the first of them; p_dry_run only tells,
-- with the 'ids' of all: those can be meant by the next call, whatever else the filter means by then.
create or replace function hourhand.steer_schedules(
  p_action text,
  p_filter jsonb default '{}',
  p_note text default null,
  p_request_id uuid default null,
  p_after bigint default 0,
  p_limit int default 500,
  p_dry_run boolean default false
)
returns jsonb
language plpgsql security definer set search_path = '' set jit = off
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_ids bigint[];
  v_names text[];
  v_count bigint;
  v_done bigint[];
  v_unknown text := (
    select min(k) from jsonb_object_keys(p_filter) k where k not in ('search', 'state', 'task', 'tag', 'ids')
  );
  v_among bigint[] := hourhand_parts.texts_of(p_filter -> 'ids')::bigint[];
begin
  perform hourhand_parts.require_read_committed();
  if p_action not in ('pause', 'resume', 'trigger') then
    raise exception 'schedules are steered by pause, resume or trigger, not %', hourhand_parts.shown(p_action) using errcode = 'PT422';
  end if;
  if v_unknown is not null then -- it may be misspelt, and without it all would be meant
    raise exception 'there is no filter %, but search, state, task, tag and ids', hourhand_parts.shown(v_unknown)
      using errcode = 'PT422';
  end if;
  select array_agg(s.id order by s.id), array_agg(s.name order by s.id), count(*)
  into v_ids, v_names, v_count
  from hourhand_parts.found_schedules(p_filter, v_now) f
  join hourhand.scheduled_jobs s on s.id = f.id
  where s.id > p_after and (v_among is null or s.id = any(v_among))
    and (p_filter ->> 'state' is null or f.state = p_filter ->> 'state')
    and case p_action
      when 'pause' then s.is_active
      when 'resume' then f.state <> 'active'
      else s.rank_intervals is null
    end;
  if not p_dry_run then
    v_done := array(
      select s.id from hourhand.scheduled_jobs s where s.id = any(v_ids[:p_limit]) order by s.id for no key update
    );
    perform hourhand_parts.steer_schedule(s, p_action, p_note, p_request_id, v_now)
    from hourhand.scheduled_jobs s where s.id = any(v_done);
    perform pg_notify('hourhand_runs', '') where p_action = 'trigger' and v_done <> '{}';
  end if;
  return jsonb_build_object(
    'now', v_now, 'count', v_count, 'done', coalesce(cardinality(v_done), 0), 'names', coalesce(to_jsonb(v_names[:10]), '[]'),
    'ids', case when p_dry_run then coalesce(to_jsonb(v_ids), '[]') end, 'more', case when v_count > p_limit then v_ids[p_limit] end
  );
end
$$;
