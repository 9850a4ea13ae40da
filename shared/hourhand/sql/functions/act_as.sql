-- Calls one of these functions for somebody else: the admin for its user. The audit log then names p_actor.
-- p_params has the function's parameters by name; those left out, or null, have their defaults. Names and types
-- come from the catalog and values stay values, so the text that is made has nothing of the caller's in it.
create or replace function hourhand.act_as(p_actor text, p_function text default null, p_params jsonb default '{}')
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_given text[] := array(select g.key from jsonb_each(p_params) g where g.value <> 'null' order by g.key);
  v_types jsonb := (
    select jsonb_object_agg(a.name, a.type::regtype::text)
    from pg_catalog.pg_proc p, unnest(p.proargnames, p.proargtypes::oid[]) a(name, type)
    where p.pronamespace = 'hourhand'::regnamespace and p.proname = p_function and p.proname <> 'act_as'
  );
  v_arguments text := (
    select string_agg(format(
      case v_types ->> g.name when 'jsonb' then '%1$I => $1 -> %1$L' else '%1$I => ($1 ->> %1$L)::%2$s' end,
      g.name, v_types ->> g.name), ', ')
    from unnest(v_given) g(name)
  );
  v_answer jsonb;
begin
  if v_types is null or not v_types ?& v_given then
    raise exception 'there is no function "%" with parameters %', hourhand_parts.shown(p_function), hourhand_parts.shown(array_to_string(v_given, ', '))
      using errcode = 'PT422';
  end if;
  perform set_config('hourhand.actor', left(p_actor, 200), true);
  execute format('select hourhand.%I(%s)', p_function, v_arguments) into v_answer using p_params;
  perform set_config('hourhand.actor', '', true);
  return v_answer;
end
$$;
