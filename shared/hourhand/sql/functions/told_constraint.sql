-- What a person has to know about a constraint of scheduled_jobs that the given fields do not keep.
create or replace function hourhand_parts.told_constraint(p_constraint text, p_given jsonb)
returns text
language sql immutable set search_path = ''
as $$
  select case p_constraint
    when 'one_of_cron_every_run_at' then 'a schedule has exactly one of cron, every and run_at'
    when 'every_is_at_least_a_second_and_has_no_months' then 'every is at least a second, in days and smaller units'
    when 'payload_is_sound' then 'the payload is larger than 256 kB, nested deeper than 64 levels, or has a number of over 308 digits'
    when 'payload_of_a_fleet_is_an_object' then 'the payload of a fleet is an object'
    when 'rank_intervals_are_sound' then 'rank_intervals are an object such as {"81": "1 day", "1": "5 days", "limit": 50}'
    else format(
      '%s of a schedule cannot be "%s"', f.field,
      hourhand_parts.shown(p_given ->> f.field)
    )
  end
  from (select regexp_replace(p_constraint, '^scheduled_jobs_(.+)_check$', '\1') as field) f
$$;
