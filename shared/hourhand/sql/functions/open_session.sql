-- A process start: its session, its lease in seconds and the tasks it can run. Repeating it is harmless.
create or replace function hourhand.open_session(
  p_session uuid,
  p_kind text default 'worker',
  p_name text default '',
  p_host text default '',
  p_pid int default 0,
  p_version text default '',
  p_lease double precision default 30,
  p_tasks jsonb default '[]'
)
returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  v_now timestamptz := hourhand.clock();
  v_service hourhand.services;
begin
  perform hourhand_parts.require_read_committed();
  insert into hourhand.services (id, kind, name, host, pid, version, lease, lease_until, started_at, beat_at, tasks)
  values (
    p_session, p_kind, p_name, p_host, p_pid, p_version, p_lease, v_now + make_interval(secs => p_lease), v_now, v_now,
    (select coalesce(jsonb_agg(t ->> 'name' order by t ->> 'name'), '[]') from jsonb_array_elements(p_tasks) t)
  )
  on conflict (id) do nothing;
  select * into strict v_service from hourhand.services where id = p_session;
  if v_service.state <> 'open' or v_service.lease_until <= v_now then
    raise exception 'session % is over (%)', p_session, v_service.state
      using errcode = 'PT409', hint = 'Open a new session with a new uuid.';
  end if;
  insert into hourhand.tasks as known
    (name, description, schema, queue, max_attempts, timeout, concurrency, key_concurrency, first_seen_at, last_seen_at)
  select
    t ->> 'name', t ->> 'description', nullif(t -> 'schema', 'null'), coalesce(t ->> 'queue', 'default'),
    coalesce((t ->> 'max_attempts')::int, 4), coalesce(hourhand_parts.duration(t -> 'timeout'), interval '1 hour'),
    (t ->> 'concurrency')::int, coalesce((t ->> 'key_concurrency')::int, 1), v_now, v_now
  from jsonb_array_elements(p_tasks) t
  order by t ->> 'name'
  on conflict (name) do update set
    description = excluded.description, schema = excluded.schema, queue = excluded.queue,
    max_attempts = excluded.max_attempts, timeout = excluded.timeout, concurrency = excluded.concurrency,
    key_concurrency = excluded.key_concurrency,
    last_seen_at = excluded.last_seen_at;
  return jsonb_build_object('now', v_now, 'lease_until', v_service.lease_until);
end
$$;
