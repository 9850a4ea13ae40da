-- What daemons call each minute, any number of them: adds up the counters, looks for what is wrong, and puts what is new or
-- over into the outbox, a message for each of p_destinations (webhook, email, apprise), due at p_quiet_until if that is
-- given. p_rules: failures (in a row), late_s, backlog_s, slow (times as long as usual).
create or replace function hourhand.watch(
  p_destinations jsonb default '[]', p_rules jsonb default '{}', p_quiet_until timestamptz default null
)
returns jsonb
language plpgsql security definer set search_path = '' set jit = off
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_due timestamptz := greatest(p_quiet_until, v_now);
  v_found jsonb;
  v_opened bigint[];
  v_closed bigint[];
  v_unsaid bigint[];
begin
  perform hourhand_parts.require_read_committed();
  -- Who comes second has nothing to do.
  if pg_try_advisory_xact_lock(hourhand_parts.lock_key('maintenance', 'watch')) then
    perform hourhand_parts.count_up(v_now);
    perform hourhand_parts.queue_pings(v_now);
    -- Alerts that nobody would hear of are left to a daemon that can tell somebody.
    if p_destinations <> '[]' then
      select coalesce(jsonb_agg(to_jsonb(p)), '[]') into v_found
      from (
        select * from hourhand_parts.failing_problems(coalesce((p_rules ->> 'failures')::int, 3), v_now)
        union all
        select * from hourhand_parts.schedule_problems(make_interval(secs => coalesce((p_rules ->> 'late_s')::double precision, 300)), v_now)
        union all
        select * from hourhand_parts.slow_problems(coalesce((p_rules ->> 'slow')::double precision, 3), v_now)
        union all
        select * from hourhand_parts.service_problems(make_interval(secs => coalesce((p_rules ->> 'backlog_s')::double precision, 600)), v_now)
      ) p;
      with opened as (
        insert into hourhand_parts.alerts (rule, subject, summary, details, opened_at)
        select distinct on (f.rule, f.subject) f.rule, f.subject, f.summary, f.details, v_now
        from jsonb_to_recordset(v_found) f(rule text, subject text, summary text, details jsonb)
        order by f.rule, f.subject
        on conflict (rule, subject) where closed_at is null do nothing
        returning id
      )
      select array_agg(id) into v_opened from opened;
      with closed as (
        update hourhand_parts.alerts a set closed_at = v_now
        where a.closed_at is null and not exists (
          select from jsonb_to_recordset(v_found) f(rule text, subject text) where f.rule = a.rule and f.subject = a.subject
        )
        returning a.id
      )
      select array_agg(id) into v_closed from closed;
      perform hourhand_parts.queue_messages('opened', v_opened, p_destinations, v_due, v_now);
      -- Over before anybody was told, as in quiet hours: then nobody is.
      with unsaid as (
        delete from hourhand_parts.messages m
        where m.alert_id = any(v_closed) and m.kind = 'opened' and m.attempts = 0 and m.delivered_at is null
        returning m.alert_id
      )
      select array_agg(alert_id) into v_unsaid from unsaid;
      perform hourhand_parts.queue_messages('recovered', array(
        select c from unnest(v_closed) c where c <> all(coalesce(v_unsaid, '{}'))
      ), p_destinations, v_due, v_now);
    end if;
    -- What could not be delivered for three days is of no use any more.
    update hourhand_parts.messages set due_at = null
    where due_at is not null and created_at < v_now - interval '3 days' and attempts > 0;
    delete from hourhand_parts.alerts where closed_at < v_now - interval '30 days';
    delete from hourhand_parts.messages where run_id is not null and due_at is null and created_at < v_now - interval '4 days';
  end if;
  return jsonb_build_object('now', v_now, 'opened', coalesce(cardinality(v_opened), 0), 'closed', coalesce(cardinality(v_closed), 0),
    'waiting', (select count(*) from hourhand_parts.messages m where m.due_at <= v_now));
end
$$;
