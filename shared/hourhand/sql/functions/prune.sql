-- Deletes what is older than the retention: whole months by dropping their partition, the rest row by row,
-- at most p_limit rows of each table a call; 'more' says whether to call again.
create or replace function hourhand.prune(p_retention_days int default 30, p_limit int default 10000)
returns jsonb
language plpgsql security definer set search_path = '' set lock_timeout = '200ms'
as $$
declare
  v_before timestamptz := hourhand.clock() - p_retention_days * interval '24 hours';
  v_now timestamptz := hourhand.clock();
  v_dropped jsonb := '[]';
  v_counts jsonb := '{}';
  v_count bigint;
  v_more boolean := false;
  v_part record;
begin
  perform hourhand_parts.require_read_committed();
  if p_retention_days < 1 then
    raise exception 'p_retention_days is %, not at least 1', p_retention_days using errcode = 'PT422';
  end if;
  if not pg_try_advisory_xact_lock(hourhand_parts.lock_key('maintenance', 'prune')) then
    return jsonb_build_object('dropped', v_dropped, 'deleted', v_counts, 'more', false);
  end if;
  for v_part in
    select c.relname as name
    from pg_catalog.pg_inherits i
    join pg_catalog.pg_class c on c.oid = i.inhrelid
    where i.inhparent in (
        'hourhand_parts.job_runs_history'::regclass, 'hourhand.job_run_attempts'::regclass, 'hourhand.job_run_logs'::regclass
      )
      and c.relname ~ '_[0-9]{4}_[0-9]{2}$'
      and (to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month') at time zone 'UTC' <= v_before
    order by c.relname
  loop
    begin
      execute format('drop table hourhand_parts.%I', v_part.name);
      v_dropped := v_dropped || to_jsonb(v_part.name);
    exception when lock_not_available then
      v_more := false;  -- Somebody reads it; the next hour will do.
    end;
  end loop;

  delete from hourhand_parts.job_runs_history h where (h.id, h.finished_at) in (
    select o.id, o.finished_at from hourhand_parts.job_runs_history o where o.finished_at < v_before limit p_limit
  );
  get diagnostics v_count = row_count;
  v_counts := v_counts || jsonb_build_object('job_runs', v_count);
  v_more := v_more or v_count >= p_limit;
  delete from hourhand.job_run_attempts a where (a.run_id, a.token, a.ended_at) in (
    select o.run_id, o.token, o.ended_at from hourhand.job_run_attempts o where o.ended_at < v_before limit p_limit
  );
  get diagnostics v_count = row_count;
  v_counts := v_counts || jsonb_build_object('job_run_attempts', v_count);
  v_more := v_more or v_count >= p_limit;
  delete from hourhand.job_run_logs l where (l.run_id, l.attempt, l.seq, l.at) in (
    select o.run_id, o.attempt, o.seq, o.at from hourhand.job_run_logs o where o.at < v_before limit p_limit
  );
  get diagnostics v_count = row_count;
  v_counts := v_counts || jsonb_build_object('job_run_logs', v_count);
  v_more := v_more or v_count >= p_limit;
  delete from hourhand.schedule_firings f where (f.schedule_id, f.scheduled_for) in (
    select o.schedule_id, o.scheduled_for from hourhand.schedule_firings o where o.decided_at < v_before limit p_limit
  );
  get diagnostics v_count = row_count;
  v_counts := v_counts || jsonb_build_object('schedule_firings', v_count);
  v_more := v_more or v_count >= p_limit;
  -- Keys in their own order, as those who take them lock them.
  delete from hourhand.job_run_keys k where (k.scope, k.key) in (
    select o.scope, o.key from hourhand.job_run_keys o where o.expires_at <= v_now
    order by o.scope, o.key limit p_limit for update skip locked
  );
  get diagnostics v_count = row_count;
  v_counts := v_counts || jsonb_build_object('job_run_keys', v_count);
  v_more := v_more or v_count >= p_limit;
  delete from hourhand.services s where s.id in (
    select o.id from hourhand.services o where o.state <> 'open' and o.ended_at < v_before
      and not exists (select from hourhand_parts.job_runs_live l where l.session_id = o.id)
    order by o.id limit p_limit for update skip locked
  );
  get diagnostics v_count = row_count;
  v_counts := v_counts || jsonb_build_object('services', v_count);
  delete from hourhand.audit_log a where a.id in (
    select o.id from hourhand.audit_log o where o.at < v_before limit p_limit
  );
  get diagnostics v_count = row_count;
  v_counts := v_counts || jsonb_build_object('audit_log', v_count);
  v_more := v_more or v_count >= p_limit;
  return jsonb_build_object('dropped', v_dropped, 'deleted', v_counts, 'more', v_more);
end
$$;
