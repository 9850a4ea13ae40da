-- What was changed by whom, newest first. p_filter: actor, action (or the part before its dot), subject. Like
-- browse_runs() it looks at no more than 20 000 entries in one call.
create or replace function hourhand.list_audit(
  p_filter jsonb default '{}', p_limit int default 50, p_before bigint default null
)
returns jsonb
language plpgsql stable security definer set search_path = '' set jit = off set plan_cache_mode = force_custom_plan
as $$
declare
  v_window constant int := 20000;
  v_limit int := least(greatest(p_limit, 1), 1000);
  v_rows jsonb;
  v_next bigint;
begin
  select coalesce(jsonb_agg(to_jsonb(r) order by r.id desc), '[]') into v_rows
  from (
    select w.* from (
      select a.* from hourhand.audit_log a
      where (p_before is null or a.id < p_before)
        and (p_filter ->> 'subject' is null or a.subject = p_filter ->> 'subject')
      order by a.id desc limit v_window
    ) w
    where (p_filter ->> 'actor' is null or w.actor = p_filter ->> 'actor')
      and (p_filter ->> 'action' is null or p_filter ->> 'action' in (w.action, split_part(w.action, '.', 1)))
    order by w.id desc limit v_limit
  ) r;
  if jsonb_array_length(v_rows) = v_limit then
    v_next := v_rows -> -1 -> 'id';
  elsif p_filter ?| array['actor', 'action'] then
    select a.id into v_next from hourhand.audit_log a
    where (p_before is null or a.id < p_before)
      and (p_filter ->> 'subject' is null or a.subject = p_filter ->> 'subject')
    order by a.id desc offset v_window - 1 limit 1;
  end if;
  return jsonb_build_object('now', hourhand.clock(), 'entries', v_rows, 'next', v_next);
end
$$;
