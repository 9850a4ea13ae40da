-- The errors of recent_failures() in groups with one cause each, the latest first. p_filter: search (a part of class or
-- message), fingerprint. 'since' is how far back that reaches, null where it is everything there is.
create or replace function hourhand.list_errors(p_filter jsonb default '{}', p_limit int default 100)
returns jsonb
language plpgsql stable security definer set search_path = '' set jit = off
as $$
declare
  v_most constant int := 5000;
  v_search text := hourhand_parts.containing(p_filter ->> 'search');
  v_groups jsonb;
  v_seen bigint;
  v_since timestamptz;
begin
  with failures as materialized (
    select * from hourhand_parts.recent_failures(v_most)
  ), groups as (
    select f.fingerprint, count(*) as attempts, count(distinct f.run_id) as runs,
      min(f.ended_at) as first_at, max(f.ended_at) as last_at, max(f.run_id) as last_run_id,
      (array_agg(f.class order by f.ended_at desc))[1] as class,
      (array_agg(f.message order by f.ended_at desc))[1] as message,
      (array_agg(f.frame order by f.ended_at desc))[1] as frame
    from failures f
    where (p_filter ->> 'fingerprint' is null or f.fingerprint = p_filter ->> 'fingerprint')
      and (v_search is null or f.class ilike v_search or f.message ilike v_search)
    group by f.fingerprint
    order by max(f.ended_at) desc, f.fingerprint
    limit p_limit
  )
  select
    (
      select coalesce(jsonb_agg(to_jsonb(g) || jsonb_build_object('task', (
        select r.task from hourhand.job_runs r where r.id = g.last_run_id)) order by g.last_at desc, g.fingerprint), '[]')
      from groups g
    ),
    count(*), min(f.ended_at)
  into v_groups, v_seen, v_since
  from failures f;
  return jsonb_build_object(
    'now', hourhand.clock(), 'errors', v_groups, 'failures', v_seen, 'since', case when v_seen >= v_most then v_since end
  );
end
$$;
