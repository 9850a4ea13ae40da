-- A page of schedules by name, each with its state and its last runs (the oldest first), and how many there are.
-- p_filter: search (in name, task and description), state (active, paused, broken), task, tag. 'next' is the p_after
-- of the next page. 'counts' and 'tags' leave the state out of account, so that each can be chosen.
create or replace function hourhand.browse_schedules(
  p_filter jsonb default '{}', p_limit int default 50, p_after text default ''
)
returns jsonb
language plpgsql stable security definer set search_path = '' set jit = off
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_answer jsonb;
begin
  with found as materialized (
    select * from hourhand_parts.found_schedules(p_filter, v_now)
  ), chosen as (
    select f.id, f.name, f.state from found f
    where f.name > p_after and (p_filter ->> 'state' is null or f.state = p_filter ->> 'state')
    order by f.name limit p_limit
  )
  select jsonb_build_object(
    'now', v_now,
    'counts', (select coalesce(jsonb_object_agg(c.state, c.n), '{}') from (select f.state, count(*) as n from found f group by f.state) c),
    'tags', (
      select coalesce(jsonb_agg(jsonb_build_object('tag', t.tag, 'count', t.n) order by t.n desc, t.tag), '[]')
      from (select tag, count(*) as n from found f, unnest(f.tags) tag group by tag order by n desc, tag limit 20) t
    ),
    'next', (select max(c.name) from chosen c having count(*) >= p_limit),
    'schedules', (
      select coalesce(jsonb_agg(hourhand_parts.schedule_json(s) || jsonb_build_object('state', c.state, 'recent_runs', (
        select coalesce(jsonb_agg(jsonb_build_object('id', r.id, 'status', r.status) order by r.id), '[]')
        from (
          select r.id, r.status from hourhand.job_runs r where r.schedule_id = s.id order by r.id desc limit 12
        ) r
      )) order by s.name), '[]')
      from chosen c join hourhand.scheduled_jobs s on s.id = c.id
    )
  ) into v_answer;
  return v_answer;
end
$$;
