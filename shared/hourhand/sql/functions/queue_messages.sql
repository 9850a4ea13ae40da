-- Puts one message for each destination and alert into the outbox.
create or replace function hourhand_parts.queue_messages(
  p_kind text, p_alerts bigint[], p_destinations jsonb, p_due timestamptz, p_now timestamptz
)
returns void
language sql set search_path = ''
as $$
  insert into hourhand_parts.messages (kind, destination, alert_id, body, created_at, due_at)
  select p_kind, d.name, a.id, jsonb_build_object(
      'event', 'alert.' || p_kind, 'alert_id', a.id, 'rule', a.rule, 'subject', a.subject, 'summary', a.summary,
      'opened_at', a.opened_at, 'closed_at', a.closed_at, 'details', a.details
    ), p_now, p_due
  from hourhand_parts.alerts a
  cross join jsonb_array_elements_text(p_destinations) d(name)
  where a.id = any(p_alerts)
  order by a.id, d.name
$$;
