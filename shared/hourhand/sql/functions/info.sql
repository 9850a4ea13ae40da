-- The handshake of every daemon: which schema is this, on which server, and what time is it there?
create or replace function hourhand.info()
returns jsonb
language sql stable security definer set search_path = ''
as $$
  select jsonb_build_object(
    'schema_version', (select coalesce(max(version), 0) from hourhand.migrations),
    'functions', (select checksum from hourhand.migrations where version = 0),
    'server_version', current_setting('server_version'),
    'database', current_database(),
    'now', hourhand.clock()
  )
$$;
