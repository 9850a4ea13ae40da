-- Takes one instant out of the stretch that it lies in; what is left are up to two stretches. p_around may say which
-- instants of the timetable come before and after it ("previous", "next") and how many of the stretch lie "before" it;
-- else they are taken to lie at equal distances.
create or replace function hourhand_parts.cut_stretch(p_stretch hourhand.schedule_firings, p_at timestamptz, p_around jsonb)
returns void
language plpgsql set search_path = ''
as $$
declare
  v_from timestamptz := p_stretch.scheduled_for;
  v_until timestamptz := coalesce(p_stretch.scheduled_until, p_stretch.scheduled_for);
  v_step interval := (v_until - v_from) / nullif(p_stretch.count - 1, 0);
  v_left bigint := p_stretch.count - 1;
  v_before bigint := coalesce(
    (p_around ->> 'before')::bigint, round(extract(epoch from p_at - v_from) / nullif(extract(epoch from v_step), 0)), 0
  );
begin
  -- The ends of a stretch are instants: what lies beyond this one on either side is at least one.
  v_before := greatest((p_at > v_from)::int, least(v_before, v_left - (p_at < v_until)::int));
  delete from hourhand.schedule_firings where schedule_id = p_stretch.schedule_id and scheduled_for = v_from;
  insert into hourhand.schedule_firings
    (schedule_id, scheduled_for, scheduled_until, count, decision, reason, run_id, decided_at, lag_ms)
  select p_stretch.schedule_id, p.begins, p.ends, p.count, p_stretch.decision, p_stretch.reason, p_stretch.run_id,
    p_stretch.decided_at, extract(epoch from p_stretch.decided_at - p.begins) * 1000
  from (values
    (v_from, greatest(v_from, coalesce((p_around ->> 'previous')::timestamptz, p_at - v_step)), v_before),
    (least(v_until, coalesce((p_around ->> 'next')::timestamptz, p_at + v_step)), v_until, v_left - v_before)
  ) p(begins, ends, count)
  where p.count > 0;
end
$$;
