-- Monthly partitions of history, attempts and logs: this month and three ahead. Made beside the parent and
-- then attached, under a short lock_timeout: waiting behind one long reader would stop everybody else. What somebody's
-- default privileges have opened is closed.
create or replace function hourhand.ensure_partitions()
returns jsonb
language plpgsql security definer set search_path = '' set lock_timeout = '200ms'
as $$
declare
  v_month timestamp := date_trunc('month', hourhand.clock() at time zone 'UTC');
  v_part record;
  v_made jsonb := '[]';
  v_skipped jsonb := '[]';
begin
  if not pg_try_advisory_xact_lock(hourhand_parts.lock_key('maintenance', 'partitions')) then
    return jsonb_build_object('made', v_made, 'skipped', v_skipped);
  end if;
  for v_part in
    select p.parent, format('%s_%s', p.stem, to_char(m, 'YYYY_MM')) as name,
      (m at time zone 'UTC') as since, ((m + interval '1 month') at time zone 'UTC') as until
    from (values
      ('hourhand_parts.job_runs_history', 'job_runs'),
      ('hourhand.job_run_attempts', 'job_run_attempts'),
      ('hourhand.job_run_logs', 'job_run_logs')
    ) p(parent, stem)
    cross join generate_series(v_month, v_month + interval '3 months', interval '1 month') m
    where to_regclass(format('hourhand_parts.%I', format('%s_%s', p.stem, to_char(m, 'YYYY_MM')))) is null
  loop
    begin
      execute format(
        'create table hourhand_parts.%I (like %s including defaults including constraints)', v_part.name, v_part.parent
      );
      execute format('alter table hourhand_parts.%I enable row level security', v_part.name);
      execute format(
        'alter table %s attach partition hourhand_parts.%I for values from (%L) to (%L)',
        v_part.parent, v_part.name, v_part.since, v_part.until
      );
      v_made := v_made || to_jsonb(v_part.name);
    exception when lock_not_available or check_violation then
      -- Busy now, or the default partition already holds rows of that month: they are kept there.
      v_skipped := v_skipped || to_jsonb(v_part.name);
    end;
  end loop;
  perform hourhand_parts.close_access();
  return jsonb_build_object('made', v_made, 'skipped', v_skipped);
end
$$;
