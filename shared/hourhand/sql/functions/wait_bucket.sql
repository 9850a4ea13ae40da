-- Which bucket of a histogram of seconds a value falls into: its upper bound, as Prometheus writes it.
create or replace function hourhand_parts.wait_bucket(p_seconds double precision)
returns text
language sql immutable parallel safe set search_path = ''
as $$
  select (array['0.01', '0.05', '0.1', '0.5', '1.0', '5.0', '15.0', '60.0', '300.0', '1800.0', '+Inf'])[
    width_bucket(p_seconds, array[0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1800]::double precision[]) + 1]
$$;
