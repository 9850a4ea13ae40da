-- Decisions are made in a second statement that must see what others have committed meanwhile;
-- under repeatable read it would see the past. 25001 and not 40001, so that nobody retries it.
create or replace function hourhand_parts.require_read_committed()
returns void
language plpgsql stable set search_path = ''
as $$
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'hourhand functions need isolation level read committed, not %',
      current_setting('transaction_isolation')
      using errcode = '25001', hint = 'Call them in a transaction of the default isolation level.';
  end if;
end
$$;
