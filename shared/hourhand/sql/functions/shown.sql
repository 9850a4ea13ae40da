-- A text of somebody else's, fit for a message: on one line, and not too long. PostgREST puts the messages of PTxxx into
-- the first line of its answer, where a line break would begin a header.
create or replace function hourhand_parts.shown(p_text text)
returns text
language sql immutable set search_path = ''
as $$
  select regexp_replace(case when length(p_text) > 200 then left(p_text, 199) || '…' else p_text end, '[[:cntrl:]]+', ' ', 'g')
$$;
