-- Marks messages as delivered, or puts them off: [{"id", "error"}], where no error means delivered. After a failure from
-- 30 seconds on, doubled each time, an hour at most.
create or replace function hourhand.settle_messages(p_results jsonb)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_now timestamptz := hourhand.clock();
begin
  perform hourhand_parts.require_read_committed();
  update hourhand_parts.messages m
  set delivered_at = case when r.error is null then v_now end, error = left(r.error, 2000),
      due_at = case when r.error is not null then
        v_now + least(interval '30 seconds' * power(2, least(m.attempts - 1, 10)), interval '1 hour')
      end
  from jsonb_to_recordset(p_results) r(id uuid, error text)
  where m.id = r.id and m.delivered_at is null;
  return jsonb_build_object('now', v_now);
end
$$;
