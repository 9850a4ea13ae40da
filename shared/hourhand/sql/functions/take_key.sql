-- Takes a unique key for a new run, or says which run holds it. Locks the key's row, so that of several
-- callers with one key exactly one is the creator. The key outlives the run, until it expires.
create or replace function hourhand_parts.take_key(
  p_scope text, p_key text, p_run_id bigint, p_expires_at timestamptz, p_now timestamptz
)
returns bigint
language plpgsql set search_path = ''
as $$
declare
  v_holder bigint;
begin
  insert into hourhand.job_run_keys as k (scope, key, run_id, expires_at)
  values (p_scope, p_key, p_run_id, p_expires_at)
  on conflict (scope, key) do update
    set run_id = excluded.run_id, expires_at = excluded.expires_at
    where k.expires_at <= p_now
  returning run_id into v_holder;
  if found then
    return v_holder;
  end if;
  select run_id into strict v_holder from hourhand.job_run_keys where scope = p_scope and key = p_key;
  return v_holder;
end
$$;
