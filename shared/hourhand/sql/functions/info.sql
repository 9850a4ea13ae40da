-- The handshake of every daemon: which schema is this, on which server, and what time is it there? oldest_program is
-- the schema version that a program must know to work with these functions: raised when they break those before.
create or replace function hourhand.info()
returns jsonb
language sql stable security definer set search_path = ''
as $$
  select jsonb_build_object(
    'schema_version', (select coalesce(max(version), 0) from hourhand.migrations),
    'migrations', (select jsonb_agg(version order by version) from hourhand.migrations where version > 0),
    'oldest_program', 1,
    'functions', (select checksum from hourhand.migrations where version = 0),
    'server_version', current_setting('server_version'),
    'database', current_database(),
    'now', hourhand.clock()
  )
$$;
