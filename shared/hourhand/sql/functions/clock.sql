-- The one clock. Every function reads it once; hourhand.testing replaces it in test databases.
create or replace function hourhand.clock()
returns timestamptz
language sql volatile set search_path = ''
as $$ select clock_timestamp() $$;
