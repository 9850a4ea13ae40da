-- Lets whoever holds a token read one run for p_lifetime seconds. p_token_hash is the token's SHA-256.
create or replace function hourhand.create_run_token(
  p_run_id bigint, p_token_hash text default null, p_lifetime double precision default 900
)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_until timestamptz := v_now + make_interval(secs => p_lifetime);
begin
  perform hourhand_parts.require_read_committed();
  perform from hourhand.job_runs where id = p_run_id;
  if not found then
    raise exception 'there is no run %', p_run_id using errcode = 'PT404', hint = 'See `hourhand run list`.';
  end if;
  insert into hourhand_parts.run_tokens (token_hash, run_id, expires_at) values (p_token_hash, p_run_id, v_until)
  on conflict (token_hash) do nothing;
  delete from hourhand_parts.run_tokens where token_hash in (
    select t.token_hash from hourhand_parts.run_tokens t where t.expires_at <= v_now
    order by t.token_hash limit 1000 for update skip locked
  );
  return jsonb_build_object('now', v_now, 'run_id', p_run_id, 'expires_at', v_until);
end
$$;
