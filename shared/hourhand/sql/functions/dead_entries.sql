-- How many entries of the claim index this transaction has walked past whose rows are no longer there. Vacuum takes
-- them out, unless somebody holds a snapshot that is older.
create or replace function hourhand_parts.dead_entries()
returns bigint
language sql volatile set search_path = ''
as $$
  select pg_stat_get_xact_tuples_returned(i.id) - pg_stat_get_xact_tuples_fetched(i.id)
  from (select 'hourhand_parts.job_runs_live_claim'::regclass as id) i
$$;
