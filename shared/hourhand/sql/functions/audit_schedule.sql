-- Fires for the columns people edit only: a moved cursor is in the ledger, not here.
create or replace function hourhand_parts.audit_schedule()
returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  -- The scheduler has written its own zone into a row that named none: nobody has changed it.
  if tg_op = 'UPDATE' and new.timezone is distinct from old.timezone and new.revision = old.revision then
    return null;
  end if;
  perform hourhand_parts.audit(
    'schedule.' || case tg_op when 'INSERT' then 'created' when 'UPDATE' then 'changed' else 'deleted' end,
    coalesce(new.name, old.name),
    case when tg_op <> 'INSERT' then to_jsonb(old) end,
    case when tg_op <> 'DELETE' then to_jsonb(new) end
  );
  return null;
end
$$;
