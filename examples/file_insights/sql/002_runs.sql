-- A row that is to be processed gets a run of hourhand, in the transaction that writes the row: whoever may
-- insert here needs no rights on hourhand, no Python, and no second step that could be forgotten.

create or replace function file_insights.is_live(p_metadata jsonb)
returns boolean
language sql stable set search_path = ''
as $$
  select exists (
    select from hourhand.job_runs
    where id = (p_metadata ->> 'run_id')::bigint and status in ('pending', 'processing')
  )
$$;

create or replace function file_insights.start_run()
returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  v_run jsonb;
begin
  -- Between two attempts a row is pending too, and its run goes on.
  if not file_insights.is_live(new.metadata) then
    v_run := hourhand.enqueue('process-file', jsonb_build_object('job_id', new.id));
    update file_insights.processing_jobs
    set metadata = coalesce(metadata, '{}') || jsonb_build_object('run_id', v_run -> 'id')
    where id = new.id;
  end if;
  return null;
end
$$;
revoke all on function file_insights.start_run() from public;

create or replace trigger start_run
after insert or update of status on file_insights.processing_jobs
for each row when (new.status = 'pending')
execute function file_insights.start_run();
