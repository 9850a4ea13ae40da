-- A traceparent as it is kept with a run. What is none is left out: no run fails because of its trace.
create or replace function hourhand_parts.trace_context(p_traceparent text)
returns text
language sql immutable strict set search_path = ''
as $$
  select substring(p_traceparent from '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$')
$$;
