create or replace function hourhand.set_progress(p_run_id bigint, p_token uuid default null, p_progress jsonb default null)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
begin
  perform hourhand_parts.require_read_committed();
  update hourhand_parts.job_runs_live set progress = p_progress where id = p_run_id and token = p_token;
  return jsonb_build_object('outcome', case when found then 'ok' else 'stale' end);
end
$$;
