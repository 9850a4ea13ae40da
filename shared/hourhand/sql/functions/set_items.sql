-- Adds or changes items of a fleet schedule: [{"item", "rank", "owner", "payload", "due_at"}]; what is left out stays as
-- it is. Several owners may rank one item, the highest rank counts (50 if nobody says). A changed rank moves only the
-- moment the item is due.
create or replace function hourhand.set_items(p_schedule text, p_items jsonb default '[]')
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_schedule hourhand.scheduled_jobs := hourhand_parts.find_schedule(p_schedule);
  v_bands jsonb := v_schedule.rank_intervals;
  v_counts jsonb;
begin
  perform hourhand_parts.require_read_committed();
  if v_bands is null then
    raise exception 'schedule "%" has no items', v_schedule.name using errcode = 'PT422',
      hint = 'Give it rank_intervals, for example {"81": "1 day", "1": "5 days", "limit": 50}.';
  end if;
  perform hourhand_parts.check_items(p_items, v_schedule.payload);
  -- Nobody else writes items while the schedule is locked: what is read here is what is replaced.
  with input as (
    select x.item, max(x.due_at) as due_at, (array_agg(x.payload) filter (where x.payload is not null))[1] as payload,
      coalesce(jsonb_object_agg(coalesce(x.owner, ''), x.rank) filter (where x.rank is not null), '{}') as ranks
    from jsonb_to_recordset(p_items) x(item text, rank int, owner text, payload jsonb, due_at timestamptz)
    group by x.item
  ), merged as (
    select n.due_at, o, (
        v_schedule.id, n.item, coalesce(
          (select max(r.value::int) from jsonb_each_text(coalesce(o.ranks, '{}') || n.ranks) r), o.rank, 50
        ),
        coalesce(o.ranks, '{}') || n.ranks, coalesce(n.payload, o.payload, '{}'), o.last_completed_at, o.next_run_at,
        coalesce(o.failures, 0), o.run_id, coalesce(o.created_at, v_now)
      )::hourhand.schedule_items as i
    from input n
    left join hourhand.schedule_items o on o.schedule_id = v_schedule.id and o.item_key = n.item
  ), timed as (
    select (m.o).item_key is null as is_new, m.o, m.i, coalesce(
      m.due_at,
      case when (m.o).item_key is null
        then hourhand_parts.first_due(m.i, hourhand_parts.rank_interval(v_bands, (m.i).rank))
        else hourhand_parts.move_item(
          m.o, hourhand_parts.rank_interval(v_bands, (m.o).rank), hourhand_parts.rank_interval(v_bands, (m.i).rank), v_now
        )
      end
    ) as next_run_at
    from merged m
  ), written as (
    insert into hourhand.schedule_items (schedule_id, item_key, rank, ranks, payload, next_run_at, created_at, run_id)
    select (t.i).schedule_id, (t.i).item_key, (t.i).rank, (t.i).ranks, (t.i).payload, t.next_run_at, (t.i).created_at,
      -- An item that was removed while it ran and is back holds that run again.
      (
        select max(l.id) from hourhand_parts.job_runs_live l
        where l.schedule_id = (t.i).schedule_id and l.item_key = (t.i).item_key
      )
    from timed t
    where t.is_new or (t.i, t.next_run_at) is distinct from (t.o, (t.o).next_run_at)
    order by (t.i).item_key
    on conflict (schedule_id, item_key) do update set
      rank = excluded.rank, ranks = excluded.ranks, payload = excluded.payload, next_run_at = excluded.next_run_at
    returning item_key
  )
  select jsonb_build_object(
    'created', count(*) filter (where t.is_new),
    'changed', count(*) filter (where not t.is_new and w.item_key is not null),
    'unchanged', count(*) filter (where not t.is_new and w.item_key is null)
  )
  into v_counts
  from timed t left join written w on w.item_key = (t.i).item_key;
  perform hourhand_parts.audit('items.set', v_schedule.name, null, v_counts);
  return v_counts;
end
$$;
