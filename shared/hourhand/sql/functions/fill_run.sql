-- What a plain INSERT leaves out is filled from the task's registration, else from the product's defaults.
create or replace function hourhand_parts.fill_run()
returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_task hourhand.tasks;
begin
  select * into v_task from hourhand.tasks where name = new.task;
  new.queue := coalesce(new.queue, v_task.queue, 'default');
  new.max_attempts := coalesce(new.max_attempts, v_task.max_attempts, 4);
  new.timeout := coalesce(new.timeout, v_task.timeout, interval '1 hour');
  new.trigger := coalesce(new.trigger, 'api');
  new.run_at := coalesce(new.run_at, v_now);
  new.created_at := v_now;
  new.claim_at := hourhand_parts.claim_key(new.run_at, new.priority);
  return new;
end
$$;
