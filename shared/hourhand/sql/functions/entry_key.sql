-- What tells the entries of fire() apart: no session decides twice about one cursor of one revision.
create or replace function hourhand_parts.entry_key(p_session uuid, p_firing jsonb)
returns bigint
language sql stable set search_path = ''
as $$
  select hashtextextended(concat_ws(' ', p_session, p_firing ->> 'revision', p_firing ->> 'next_run_at'), 0)
$$;
