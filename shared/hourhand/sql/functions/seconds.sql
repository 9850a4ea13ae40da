-- An interval as seconds, the form of every duration in JSON.
create or replace function hourhand_parts.seconds(p_interval interval)
returns double precision
language sql immutable parallel safe set search_path = ''
as $$ select extract(epoch from p_interval)::double precision $$;
