-- What the tags of a schedule say about its alerts: 'off' for alert:off, a number for alert:N (failures in a row).
create or replace function hourhand_parts.alert_tag(p_tags text[])
returns text
language sql immutable parallel safe set search_path = ''
as $$
  select substring(t from '^alert:(off|[1-9][0-9]{0,3})$') from unnest(p_tags) t
  where t ~ '^alert:(off|[1-9][0-9]{0,3})$' order by t desc limit 1
$$;
