-- The order of claiming: higher priority first, ageing a minute a step, so that nothing starves.
create or replace function hourhand_parts.claim_key(p_run_at timestamptz, p_priority int)
returns timestamptz
language sql stable parallel safe set search_path = ''
as $$ select p_run_at - p_priority * interval '60 seconds' $$;
