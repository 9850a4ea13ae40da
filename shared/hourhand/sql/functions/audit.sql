create or replace function hourhand_parts.audit(p_action text, p_subject text, p_before jsonb, p_after jsonb)
returns void
language sql set search_path = ''
as $$
  insert into hourhand.audit_log (at, actor, action, subject, before, after)
  values (hourhand.clock(), hourhand_parts.actor(), p_action, p_subject, p_before, p_after)
$$;
