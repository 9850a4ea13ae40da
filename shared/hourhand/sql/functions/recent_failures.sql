-- The failed attempts of the newest runs, at most p_most: enough to tell what goes wrong now, at a price that does not
-- grow with the history. An attempt that only asked to be called again has no error and is none.
create or replace function hourhand_parts.recent_failures(p_most int default 5000)
returns table (
  run_id bigint, attempt int, outcome text, class text, message text, frame text, ended_at timestamptz, fingerprint text
)
language sql stable set search_path = ''
as $$
  select f.run_id, f.attempt, f.outcome, f.class, f.message, f.frame, f.ended_at,
    hourhand_parts.fingerprint(f.class, f.message, f.frame)
  from (
    select a.run_id, a.attempt, a.outcome, a.ended_at,
      case a.outcome when 'lost' then 'worker lost' else a.error_class end as class,
      case when a.outcome <> 'lost' then left(a.message, 1000) end as message,
      hourhand_parts.last_frame(a.traceback) as frame
    from hourhand.job_run_attempts a
    where a.outcome = 'lost' or (a.outcome in ('failed', 'retry') and a.error_class is not null)
    order by a.run_id desc
    limit p_most
  ) f
$$;
