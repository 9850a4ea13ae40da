"""Two calls that meet: the calls, the scene that is set for them, and what can be told of how it ended."""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

Answer = Any
SESSIONS = {name: str(uuid.UUID(int=number)) for number, name in enumerate(("ann", "bob"), 1)}
REQUEST, CLAIM_ID = str(uuid.UUID(int=11)), str(uuid.UUID(int=12))
TASKS = ["task"]
TABLES = ["job_runs", "job_run_attempts", "job_run_keys", "services", "queues", "schedule_firings",
          "scheduled_jobs", "audit_log"]  # fmt: skip


@dataclass
class Call:
    """One of the two that meet."""

    function: str
    params: dict[str, Any]

    def on(self, connection: psycopg.Connection[Any]) -> Answer:
        """The answer, or the SQLSTATE of the refusal."""
        values = {k: json.dumps(v) if isinstance(v, dict | list) else v for k, v in self.params.items()}
        names = ", ".join(f"p_{name} => %({name})s" for name in values)
        query = f"select hourhand.{self.function}({names})".encode()
        try:
            row = connection.execute(query, values).fetchone()
        except psycopg.Error as error:
            return error.sqlstate
        return row[0] if row else None


@dataclass
class Scene:
    """A database in which a run is there, held by ann unless it is pending, and a schedule that is due."""

    control: psycopg.Connection[Any]
    one: psycopg.Connection[Any]
    other: psycopg.Connection[Any]
    run: int = 0
    token: str = ""
    step: int = 0
    step_token: str = ""

    def rows(self, query: str, *params: object) -> list[Any]:
        cursor = self.control.execute(query.encode(), params or None)
        return cursor.fetchall() if cursor.description else []

    def waits(self, connection: psycopg.Connection[Any]) -> bool:
        """Whether what runs there waits for a lock."""
        query = "select exists (select from pg_locks where pid = %s and not granted)"
        return bool(self.rows(query, connection.info.backend_pid)[0][0])

    def stage(self, state: str) -> None:
        """Set it anew."""
        self.rows(";".join([EMPTY, *OPEN, *STATES[state]]))
        runs = self.rows("select id, coalesce(token::text, '') from hourhand.job_runs order by id")
        (self.run, self.token), (self.step, self.step_token) = [*runs, (0, "")][:2]

    def state(self) -> str:
        """All that counts, without what differs from time to time."""
        return json.dumps(self.rows(STATE)[0])


@contextmanager
def scene_at(url: str) -> Iterator[Scene]:
    with _connection(url) as control, _connection(url) as one, _connection(url) as other:
        yield Scene(control, one, other)


def _connection(url: str) -> psycopg.Connection[Any]:
    """Nothing has to outlive the server here."""
    return psycopg.connect(url, autocommit=True, options="-c synchronous_commit=off")


def _session(name: str) -> str:
    return f"""select hourhand.open_session('{SESSIONS[name]}', p_lease => 600, p_tasks => '[{{"name": "task"}}]')"""


EMPTY = "select setval('hourhand.job_runs_id_seq', 1, false);" + ";".join(
    f"delete from hourhand.{table}" for table in TABLES
)
OPEN = [_session(name) for name in SESSIONS]
SCHEDULE = """
insert into hourhand.scheduled_jobs (name, task, every) values ('often', 'task', '1 s');
update hourhand.scheduled_jobs set next_run_at = '2026-01-01Z' where name = 'often'
"""
FIRE = f"""
select hourhand.fire('{SESSIONS["bob"]}', jsonb_build_array(jsonb_build_object(
  'schedule_id', id, 'revision', revision, 'next_run_at', next_run_at, 'then', next_run_at + interval '1 s',
  'runs', jsonb_build_array(jsonb_build_object('at', next_run_at)))))
from hourhand.scheduled_jobs
"""
ENQUEUE = "select hourhand.enqueue('task', p_key => 'first', p_max_attempts => 2)"
BEHIND_EACH_OTHER = "select hourhand.enqueue('task', p_concurrency_key => 'one') from generate_series(1, 2)"
CLAIM = f"""select hourhand.claim('{SESSIONS["ann"]}', p_tasks => '["task"]')"""
LOSE = f"update hourhand.services set lease_until = hourhand.clock() where id = '{SESSIONS['ann']}'"
END = f"""
select hourhand.finish('{SESSIONS["ann"]}', (
  select jsonb_build_array(jsonb_build_object('id', id, 'token', token, 'outcome', 'failed')) from hourhand.job_runs
))
"""
LIMITED = """
select hourhand.enqueue('task') from generate_series(1, 2);
update hourhand.tasks set concurrency = 1 where name = 'task'
"""
SEQUENCE = f"""
select hourhand.enqueue('hourhand.sequence', '{{"steps": [{{"task": "task"}}, {{"task": "task"}}]}}');
select hourhand.claim('{SESSIONS["ann"]}', p_tasks => '["hourhand.sequence"]');
select hourhand.advance_sequence(id, token) from hourhand.job_runs;
select hourhand.claim('{SESSIONS["bob"]}', p_tasks => '["task"]')
"""
STATES = {
    "pending": [ENQUEUE, SCHEDULE],
    "held": [ENQUEUE, CLAIM, SCHEDULE],
    "lost": [ENQUEUE, CLAIM, LOSE, SCHEDULE],
    "ended": [ENQUEUE, CLAIM, END, SCHEDULE],
    "two of one key": [BEHIND_EACH_OTHER, SCHEDULE],
    "two of one key, one held": [BEHIND_EACH_OTHER, CLAIM, SCHEDULE],
    "two of a limited task": [LIMITED, SCHEDULE],
    "a sequence": [SEQUENCE, SCHEDULE],
    "fired": [SCHEDULE, FIRE, CLAIM],
    "fired, to be replaced": [SCHEDULE, "update hourhand.scheduled_jobs set overlap = 'cancel_other'", FIRE, CLAIM],
}  # fmt: skip
"""How the run is, by name. Where the schedule has fired, the run is of it, and the schedule is due again. Of a sequence
the first step is held by bob."""
STATE = """
with runs as (select r.*, row_number() over (order by trigger, created_at, id) as number from hourhand.job_runs r)
select
  (select jsonb_agg(jsonb_build_array(o.number, r.status, r.attempt, r.lost_count, r.session_id, r.trigger, r.priority,
      r.error, r.progress, r.cancel_requested_at is not null) order by r.number)
    from runs r left join runs o on o.id = r.retry_of),
  (select jsonb_agg(jsonb_build_array(r.number, a.outcome) order by r.number, a.outcome)
    from hourhand.job_run_attempts a join runs r on r.id = a.run_id),
  (select jsonb_agg(jsonb_build_array(k.key_, r.number) order by k.scope, k.key_)
    from (select scope, left(key, 6) as key_, run_id from hourhand.job_run_keys) k left join runs r on r.id = k.run_id),
  (select jsonb_agg(jsonb_build_array(s.id, s.state) order by s.id) from hourhand.services s),
  (select jsonb_agg(jsonb_build_array(f.scheduled_for, f.decision, r.number) order by f.scheduled_for)
    from hourhand.schedule_firings f left join runs r on r.id = f.run_id),
  (select jsonb_agg(jsonb_build_array(s.name, s.is_active, s.next_run_at, s.run_count) order by s.name)
    from hourhand.scheduled_jobs s),
  (select jsonb_agg(a.action order by a.action) from hourhand.audit_log a)
"""


# --- The calls ---


def claim(scene: Scene, who: str = "bob", claim_id: str | None = None) -> Call:
    known = claim_id or str(uuid.uuid4())
    return Call("claim", {"session": SESSIONS[who], "claim_id": known, "max": 5, "tasks": TASKS})


def finish(scene: Scene, outcome: str = "completed") -> Call:
    result = {"id": scene.run, "token": scene.token, "outcome": outcome, "error": {"class": "E"}}
    return Call("finish", {"session": SESSIONS["ann"], "results": [result]})


def claim_by_ann(scene: Scene) -> Call:
    return claim(scene, "ann")


def end_of_step(scene: Scene) -> Call:
    result = {"id": scene.step, "token": scene.step_token, "outcome": "completed"}
    return Call("finish", {"session": SESSIONS["bob"], "results": [result]})


def look_of_sequence(scene: Scene) -> Call:
    return Call("advance_sequence", {"run_id": scene.run, "token": scene.token})


def cancel_of_step(scene: Scene) -> Call:
    return Call("cancel_run", {"run_id": scene.step, "reason": "enough"})


def beat(scene: Scene, who: str = "ann") -> Call:
    held = [{"id": scene.run, "token": scene.token}] if who == "ann" else []
    return Call("beat", {"session": SESSIONS[who], "held": held, "lease": 600.0})


def release(scene: Scene, *, close: bool = False) -> Call:
    runs = [{"id": scene.run, "token": scene.token, "started": True}]
    return Call("release", {"session": SESSIONS["ann"], "runs": runs, "close": close})


def rescue(scene: Scene) -> Call:
    return Call("rescue", {})


def cancel(scene: Scene) -> Call:
    return Call("cancel_run", {"run_id": scene.run, "reason": "enough"})


def enqueue(scene: Scene, key: str = "second", on_conflict: str = "existing", priority: int = 0) -> Call:
    params = {"task": "task", "key": key, "on_conflict": on_conflict, "priority": priority}
    return Call("enqueue", params)


def replace(scene: Scene) -> Call:
    return enqueue(scene, "first", "replace", 7)


def retry(scene: Scene) -> Call:
    return Call("retry_run", {"run_id": scene.run, "request_id": REQUEST})


def progress(scene: Scene) -> Call:
    return Call("set_progress", {"run_id": scene.run, "token": scene.token, "progress": {"done": 1}})


def fire(scene: Scene) -> Call:
    ((number, revision, at),) = scene.rows("select id, revision, next_run_at from hourhand.scheduled_jobs")
    firing = {"schedule_id": number, "revision": revision, "next_run_at": at.isoformat(),
              "runs": [{"at": at.isoformat()}], "then": "2031-01-01Z"}  # fmt: skip
    return Call("fire", {"session": SESSIONS["bob"], "firings": [firing]})


def delete(scene: Scene) -> Call:
    return Call("delete_schedule", {"schedule": "often"})


def pause(scene: Scene) -> Call:
    return Call("pause_schedule", {"schedule": "often"})


def close_queue(scene: Scene) -> Call:
    return Call("pause_queue", {"queue": "default"})


def prune(scene: Scene) -> Call:
    return Call("prune", {"retention_days": 1})


def reset(scene: Scene) -> Call:
    return Call("reset_runs", {})


def complete(scene: Scene) -> Call:
    return Call("complete_run", {"run_id": scene.run, "token": scene.token})


def log(scene: Scene) -> Call:
    line = {"run_id": scene.run, "token": scene.token, "attempt": 1, "seq": 1, "at": "2026-01-01Z",
            "level": "INFO", "message": "said"}  # fmt: skip
    return Call("append_logs", {"session": SESSIONS["ann"], "logs": [line]})


def trigger(scene: Scene) -> Call:
    return Call("trigger_schedule", {"schedule": "often", "request_id": REQUEST})


def change(scene: Scene) -> Call:
    return Call("put_schedule", {"schedule": {"name": "often", "every": "1 hour"}, "mode": "update"})


def rename(scene: Scene) -> Call:
    return Call("put_schedule", {"schedule": {"name": "often", "new_name": "rare"}, "mode": "update"})


def create(scene: Scene) -> Call:
    return Call("put_schedule", {"schedule": {"name": "new", "task": "task", "every": "1 hour"}})


Make = Callable[[Scene], Call]


def forwards_and_backwards(function: str, parameter: str, values: list[Any]) -> tuple[Make, Make]:
    """Two calls about the same, in the one order and in the other."""
    return (
        lambda scene: Call(function, {parameter: values}),
        lambda scene: Call(function, {parameter: values[::-1]}),
    )


def repeated_claim(scene: Scene) -> Call:
    return claim(scene, claim_id=CLAIM_ID)


@dataclass
class Outcome:
    """Answers of the two, in the order of the pair, and what is stored then."""

    answers: list[str]
    state: str


def told(answer: Answer, scene: Scene) -> str:
    """An answer without times and without what is drawn."""
    text = json.dumps(_plain(answer), sort_keys=True)
    return text.replace(scene.token, "TOKEN") if scene.token else text


def _plain(answer: Answer) -> Answer:
    hidden = ("now", "before", "lease_until", "token", "id", "ids", "updated_at", "paused_at", "next_at", "created_at",
              "run_at", "revision", "early_ms", "schedule_id", "paused_until", "next_run_at", "last_run_at", "run_id")  # fmt: skip
    if isinstance(answer, dict):
        return {name: _plain(value) for name, value in answer.items() if name not in hidden}
    return [_plain(each) for each in answer] if isinstance(answer, list) else answer
