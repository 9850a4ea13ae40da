-- The tasks a worker knows, without those whose global limit is used up: their runs at the head of the
-- queue would hide everybody else's. Only a first look; pick_runs looks again under the locks.
create or replace function hourhand_parts.claimable_tasks(p_tasks jsonb)
returns text[]
language plpgsql set search_path = ''
as $$
declare
  v_tasks text[];
  v_limited boolean;
  v_rooms jsonb;
begin
  select array_agg(k.name), bool_or(t.concurrency is not null) into v_tasks, v_limited
  from jsonb_array_elements_text(p_tasks) k(name)
  left join hourhand.tasks t on t.name = k.name;
  if v_limited then
    v_rooms := hourhand_parts.task_rooms(v_tasks);
    v_tasks := array(select k from unnest(v_tasks) k where coalesce((v_rooms ->> k)::bigint, 1) > 0);
  end if;
  return v_tasks;
end
$$;
