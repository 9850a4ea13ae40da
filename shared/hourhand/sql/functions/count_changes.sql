-- How many rows of a table were ever inserted, updated and deleted, as far as the server's statistics know: some seconds
-- late, and without reading the table.
create or replace function hourhand_parts.count_changes(p_table regclass)
returns text
language sql volatile set search_path = ''
as $$
  select '.' || pg_stat_get_tuples_inserted(p_table) + pg_stat_get_tuples_updated(p_table) + pg_stat_get_tuples_deleted(p_table)
$$;
