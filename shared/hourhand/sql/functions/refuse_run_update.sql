-- A status set by hand would move the row between partitions (40001 for everybody else who touches it)
-- and go round the token.
create or replace function hourhand_parts.refuse_run_update()
returns trigger
language plpgsql set search_path = ''
as $$
begin
  raise exception 'the status of run % cannot be set by UPDATE', old.id
    using errcode = 'PT422',
      hint = 'Use hourhand.cancel_run(id), hourhand.retry_run(id) or `hourhand doctor --fix`.';
end
$$;
