-- Adds or changes items of a fleet schedule: [{"item", "rank", "owner", "payload", "due_at"}]. Several owners may rank
-- one item, the highest rank counts. A new item is first due at a moment of its own within its interval, so that an
-- import does not come due all at once; a changed rank moves only the moment it is due.
create or replace function hourhand.set_items(p_schedule text, p_items jsonb default '[]')
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_schedule hourhand.scheduled_jobs := hourhand_parts.find_schedule(p_schedule);
  v_bands jsonb := v_schedule.rank_intervals;
  v_created int;
  v_changed int;
begin
  perform hourhand_parts.require_read_committed();
  if v_bands is null then
    raise exception 'schedule "%" has no items', v_schedule.name using errcode = 'PT422',
      hint = 'Give it rank_intervals, for example {"81": "1 day", "1": "5 days", "limit": 50}.';
  end if;
  with input as (
    select x.item, jsonb_object_agg(coalesce(x.owner, ''), x.rank) filter (where x.rank is not null) as ranks,
      (array_agg(x.payload) filter (where x.payload is not null))[1] as payload, max(x.due_at) as due_at
    from jsonb_to_recordset(p_items) x(item text, rank int, owner text, payload jsonb, due_at timestamptz)
    group by x.item
  ), ranked as (
    select n.item, n.payload, n.due_at, o.item_key is null as is_new, o.last_completed_at, o.failures,
      coalesce(o.ranks, '{}') || coalesce(n.ranks, '{}') as ranks, o.rank as old_rank,
      coalesce((
        select max((r.value)::int) from jsonb_each_text(coalesce(o.ranks, '{}') || coalesce(n.ranks, '{}')) r
      ), 50) as rank
    from input n
    left join hourhand.schedule_items o on o.schedule_id = v_schedule.id and o.item_key = n.item
  ), written as (
    insert into hourhand.schedule_items as i (schedule_id, item_key, rank, ranks, payload, next_run_at, created_at)
    select v_schedule.id, r.item, r.rank, r.ranks, coalesce(r.payload, '{}'),
      coalesce(r.due_at, v_now + hourhand_parts.rank_interval(v_bands, r.rank)
        * (abs(hashtextextended(r.item, v_schedule.id)::numeric) / 9223372036854775808)::double precision),
      v_now
    from ranked r
    order by r.item
    on conflict (schedule_id, item_key) do update set
      rank = excluded.rank, ranks = excluded.ranks,
      payload = case when excluded.payload = '{}' then i.payload else excluded.payload end,
      next_run_at = coalesce(
        (select r.due_at from ranked r where r.item = i.item_key),
        case when i.rank <> excluded.rank and i.failures = 0 and i.last_completed_at is not null
          then i.last_completed_at + hourhand_parts.rank_interval(v_bands, excluded.rank) end,
        case when i.rank <> excluded.rank and i.last_completed_at is null
          then i.created_at + (i.next_run_at - i.created_at)
            * (extract(epoch from hourhand_parts.rank_interval(v_bands, excluded.rank))
              / extract(epoch from hourhand_parts.rank_interval(v_bands, i.rank)))::double precision end,
        i.next_run_at
      )
    returning (xmax = 0) as created
  )
  select count(*) filter (where created), count(*) filter (where not created) into v_created, v_changed from written;
  perform hourhand_parts.audit('items.set', v_schedule.name, null, jsonb_build_object('created', v_created, 'changed', v_changed));
  return jsonb_build_object('created', v_created, 'changed', v_changed);
end
$$;
