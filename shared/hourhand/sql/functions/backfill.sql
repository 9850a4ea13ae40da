-- Runs instants of a schedule that have passed and did not run: texts, or objects {"at", "previous", "next", "before"} that
-- say how the timetable goes on around one (see cut_stretch). What has run is left alone. The runs follow each other, unless
-- overlap is allow_all. Repeated with the same p_request_id it answers what it did before.
create or replace function hourhand.backfill(
  p_schedule text, p_instants jsonb default '[]', p_request_id uuid default null
)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_schedule hourhand.scheduled_jobs := hourhand_parts.find_schedule(p_schedule);
  v_instant record;
  v_runs jsonb[] := '{}';
  v_counts jsonb;
begin
  perform hourhand_parts.require_read_committed();
  perform hourhand_parts.check_backfill(v_schedule, p_instants, v_now);
  if v_schedule.overlap <> 'allow_all' then
    perform hourhand_parts.serialise_runs(v_schedule.id);
  end if;
  for v_instant in select * from hourhand_parts.instants_of(p_instants) i order by i.at loop
    v_runs := v_runs || hourhand_parts.backfill_instant(v_schedule, v_instant.at, v_instant.around, p_request_id, v_now);
  end loop;
  select jsonb_build_object(
    'created', count(*) filter (where r ->> 'outcome' = 'created'), 'existing', count(*) filter (where r ->> 'outcome' = 'existing')
  )
  into v_counts
  from unnest(v_runs) r;
  if (v_counts ->> 'created')::int > 0 then
    perform hourhand_parts.audit('schedule.backfilled', v_schedule.name, null, v_counts || jsonb_build_object(
      'from', v_runs[1] -> 'at', 'until', v_runs[cardinality(v_runs)] -> 'at'));
    perform pg_notify('hourhand_runs', '');
  end if;
  return jsonb_build_object('now', v_now, 'runs', to_jsonb(v_runs)) || v_counts;
end
$$;
