-- The items of a fleet schedule, the next due first. p_filter: item, owner, search (a part of the name).
create or replace function hourhand.list_items(p_schedule text, p_filter jsonb default '{}', p_limit int default 1000)
returns jsonb
language plpgsql stable security definer set search_path = '' set jit = off
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_schedule hourhand.scheduled_jobs := hourhand_parts.read_schedule(p_schedule);
begin
  if v_schedule.rank_intervals is null then
    raise exception 'schedule "%" has no items: it is no fleet', v_schedule.name using errcode = 'PT422',
      hint = 'Give it rank_intervals, for example {"81": "1 day", "1": "5 days", "limit": 50}.';
  end if;
  return jsonb_build_object(
    'now', v_now, 'schedule', v_schedule.name, 'rank_intervals', v_schedule.rank_intervals,
    'total', (select count(*) from hourhand.schedule_items i where i.schedule_id = v_schedule.id),
    'due', (
      select count(*) from hourhand.schedule_items i
      where i.schedule_id = v_schedule.id and i.run_id is null and i.next_run_at <= v_now
    ),
    'items', (
      select coalesce(jsonb_agg(to_jsonb(i) - 'schedule_id' - 'item_key' || jsonb_build_object(
        'item', i.item_key, 'interval', hourhand_parts.seconds(hourhand_parts.rank_interval(v_schedule.rank_intervals, i.rank))
      ) order by i.next_run_at, i.item_key), '[]')
      from (
        select * from hourhand.schedule_items i
        where i.schedule_id = v_schedule.id
          and (p_filter ->> 'item' is null or i.item_key = p_filter ->> 'item')
          and (p_filter ->> 'owner' is null or i.ranks ? (p_filter ->> 'owner'))
          and (p_filter ->> 'search' is null or i.item_key ilike hourhand_parts.containing(p_filter ->> 'search'))
        order by i.next_run_at, i.item_key
        limit p_limit
      ) i
    )
  );
end
$$;
