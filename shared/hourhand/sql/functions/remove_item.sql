-- Takes one owner's rank off an item, or the whole item when no owner is given or nobody else ranks it. A live run of
-- it goes on.
create or replace function hourhand.remove_item(p_schedule text, p_item text default null, p_owner text default null)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_schedule hourhand.scheduled_jobs := hourhand_parts.find_schedule(p_schedule);
  v_item hourhand.schedule_items;
  v_rank int;
begin
  perform hourhand_parts.require_read_committed();
  select * into v_item from hourhand.schedule_items where schedule_id = v_schedule.id and item_key = p_item;
  if not found or (p_owner is not null and not v_item.ranks ? p_owner) then
    raise exception 'schedule "%" has no item "%"%', v_schedule.name, hourhand_parts.shown(p_item),
      case when p_owner is null then '' else format(' ranked by %s', p_owner) end
      using errcode = 'PT404', hint = format('See `hourhand fleet list %s`.', v_schedule.name);
  end if;
  select max(r.value::int) into v_rank from jsonb_each_text(v_item.ranks - p_owner) r;
  perform hourhand_parts.audit('item.removed', v_schedule.name, to_jsonb(v_item), jsonb_build_object('owner', p_owner));
  if v_rank is null then
    delete from hourhand.schedule_items where schedule_id = v_schedule.id and item_key = p_item;
    return jsonb_build_object('item', p_item, 'outcome', 'removed');
  end if;
  update hourhand.schedule_items i
  set ranks = i.ranks - p_owner, rank = v_rank, next_run_at = hourhand_parts.move_item(
    i, hourhand_parts.rank_interval(v_schedule.rank_intervals, i.rank),
    hourhand_parts.rank_interval(v_schedule.rank_intervals, v_rank), v_now
  )
  where i.schedule_id = v_schedule.id and i.item_key = p_item;
  return jsonb_build_object('item', p_item, 'outcome', 'ranked', 'rank', v_rank);
end
$$;
