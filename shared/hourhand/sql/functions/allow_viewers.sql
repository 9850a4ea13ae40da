-- Lets people who have signed in with Supabase read, when their app_metadata (which only the service key can write)
-- says hourhand_role viewer, operator or admin; false takes it back. For the owner of the schema only, hence not among the exposed functions.
create or replace function hourhand_parts.allow_viewers(p_allowed boolean default true)
returns jsonb
language plpgsql set search_path = ''
as $$
declare
  v_tables constant regclass[] := array[
    'hourhand.scheduled_jobs', 'hourhand.schedule_items', 'hourhand.schedule_firings', 'hourhand.job_runs',
    'hourhand.job_run_attempts', 'hourhand.job_run_logs', 'hourhand.services', 'hourhand.tasks', 'hourhand.queues'
  ];
  v_table regclass;
begin
  if not exists (select from pg_catalog.pg_roles where rolname = 'authenticated') then
    raise exception 'there is no role authenticated here' using errcode = 'PT404',
      hint = 'This is for Supabase. Elsewhere grant hourhand_worker, or a role of your own, to whom you trust.';
  end if;
  foreach v_table in array v_tables loop
    execute format('drop policy if exists viewers_read on %s', v_table);
    if p_allowed then
      execute format(
        -- Each select is worked out once for a statement, not for each row.
        'create policy viewers_read on %s for select to authenticated using (('
        'select nullif((select current_setting(''request.jwt.claims'', true)), '''')::jsonb'
        ' -> ''app_metadata'' ->> ''hourhand_role'') in (''viewer'', ''operator'', ''admin''))',
        v_table
      );
      execute format('grant select on %s to authenticated', v_table);
    end if;
  end loop;
  if p_allowed then
    grant usage on schema hourhand to authenticated;
  else
    perform hourhand_parts.close_access();
  end if;
  return jsonb_build_object('viewers', p_allowed, 'tables', to_jsonb(v_tables::text[]));
end
$$;
