"""Two calls at once, each held open where it has done everything but commit: what comes of them is what one
after the other could have given.

Call A runs in a transaction that stays open while B runs. Either B does not need what A holds and goes on,
or it waits, which pg_stat_activity tells; then A commits, or is rolled back as when its server dies.
"""

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest

from hourhand.transport.postgres import PostgresTransport
from tests.support import eventually

Answer = Any
SESSIONS = {name: str(uuid.UUID(int=number)) for number, name in enumerate(("ann", "bob"), 1)}
REQUEST, CLAIM = str(uuid.UUID(int=11)), str(uuid.UUID(int=12))
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
    """A database in which a run is there, held by ann unless it is `pending`."""

    url: str
    connections: list[psycopg.Connection[Any]] = field(default_factory=list)
    run: int = 0
    token: str = ""

    def connect(self, *, autocommit: bool = True) -> psycopg.Connection[Any]:
        connection = psycopg.connect(self.url, autocommit=autocommit)
        self.connections.append(connection)
        return connection

    def rows(self, query: str, *params: object) -> list[Any]:
        cursor = self.connections[0].execute(query.encode(), params or None)
        return cursor.fetchall() if cursor.description else []

    def call(self, function: str, **params: Any) -> Answer:
        return Call(function, params).on(self.connections[0])

    def prepare(self, state: str) -> None:
        for session in SESSIONS.values():
            self.call("open_session", session=session, lease=600.0, tasks=[{"name": "task"}])
        self.run = self.call("enqueue", task="task", key="first", max_attempts=2)["id"]
        if state in ("held", "lost", "ended"):
            (claimed,) = self.call("claim", session=SESSIONS["ann"], tasks=TASKS)["runs"]
            self.token = claimed["token"]
        if state == "lost":
            query = "update hourhand.services set lease_until = hourhand.clock() where id = %s"
            self.rows(query, SESSIONS["ann"])
        if state == "ended":
            finish(self, "failed").on(self.connections[0])
        self.rows("insert into hourhand.scheduled_jobs (name, task, every) values ('often', 'task', '1 s')")
        self.rows("update hourhand.scheduled_jobs set next_run_at = '2026-01-01Z' where name = 'often'")

    def state(self) -> dict[str, Any]:
        """All that counts, without what differs from time to time."""
        runs = self.rows(
            "select id, retry_of, status, attempt, lost_count, session_id::text, cancel_requested_at is not null,"
            " trigger, priority, error from hourhand.job_runs order by created_at, id"
        )
        numbers = {run[0]: number for number, run in enumerate(runs)}
        attempts = self.rows("select run_id, outcome from hourhand.job_run_attempts order by 1, 2")
        return {
            "runs": [(numbers.get(retry_of), *rest) for _, retry_of, *rest in runs],
            "attempts": [(numbers[run], outcome) for run, outcome in attempts],
            "keys": [
                numbers.get(run)
                for (run,) in self.rows("select run_id from hourhand.job_run_keys order by scope, key")
            ],
            "sessions": self.rows("select id::text, state from hourhand.services order by id"),
            "firings": self.rows("select count(*), max(decision) from hourhand.schedule_firings"),
            "schedules": self.rows("select name, is_active, next_run_at from hourhand.scheduled_jobs"),
        }


# --- The calls ---


def claim(scene: Scene, who: str = "bob", claim_id: str | None = None) -> Call:
    known = claim_id or str(uuid.uuid4())
    return Call("claim", {"session": SESSIONS[who], "claim_id": known, "max": 5, "tasks": TASKS})


def finish(scene: Scene, outcome: str = "completed") -> Call:
    result = {"id": scene.run, "token": scene.token, "outcome": outcome, "error": {"class": "E"}}
    return Call("finish", {"session": SESSIONS["ann"], "results": [result]})


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


Make = Callable[[Scene], Call]


def repeated_claim(scene: Scene) -> Call:
    return claim(scene, claim_id=CLAIM)


PAIRS: dict[str, tuple[str, Make, Make]] = {
    "two claims": ("pending", claim, claim),
    "a claim and its repetition": ("pending", repeated_claim, repeated_claim),
    "a claim and a cancel": ("pending", claim, cancel),
    "a claim and a replacement": ("pending", claim, replace),
    "a claim and a pause of its queue": ("pending", claim, close_queue),
    "a cancel and a replacement": ("pending", cancel, replace),
    "two cancels": ("pending", cancel, cancel),
    "two enqueues with one key": ("pending", enqueue, enqueue),
    "two replacements": ("pending", replace, replace),
    "a finish and its repetition": ("held", finish, finish),
    "a finish and a cancel": ("held", finish, cancel),
    "a retry and a cancel": ("held", lambda scene: finish(scene, "retry"), cancel),
    "a finish and a release": ("held", finish, release),
    "a finish and a beat": ("held", finish, beat),
    "a finish and progress": ("held", finish, progress),
    "a finish and a replacement": ("held", finish, replace),
    "a release and a beat": ("held", release, beat),
    "a release and a cancel": ("held", release, cancel),
    "a release and a claim": ("held", release, claim),
    "a snooze and a claim": ("held", lambda scene: finish(scene, "snooze"), claim),
    "a finish and a rescue": ("lost", finish, rescue),
    "a finish and a beat that rescues": ("lost", finish, lambda scene: beat(scene, "bob")),
    "a beat and a rescue": ("lost", beat, rescue),
    "a release and a rescue": ("lost", release, rescue),
    "a close and a rescue": ("lost", lambda scene: release(scene, close=True), rescue),
    "two rescues": ("lost", rescue, rescue),
    "a rescue and a claim": ("lost", rescue, claim),
    "a rescue and a cancel": ("lost", rescue, cancel),
    "a claim of the lost session and a rescue": ("lost", lambda scene: claim(scene, "ann"), rescue),
    "a rescue and progress": ("lost", rescue, progress),
    "two retries of one request": ("ended", retry, retry),
    "a retry and a prune": ("ended", retry, prune),
    "two firings of one instant": ("pending", fire, fire),
    "a firing and a delete of its schedule": ("pending", fire, delete),
    "a firing and a pause of its schedule": ("pending", fire, pause),
}  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """Answers of the two, in the order of the pair, and what is stored then."""

    answers: tuple[str, str]
    state: str


def told(answer: Answer, scene: Scene) -> str:
    """An answer without times and without what is drawn."""
    text = json.dumps(_plain(answer), sort_keys=True)
    return text.replace(scene.token, "TOKEN") if scene.token else text


def _plain(answer: Answer) -> Answer:
    hidden = ("now", "lease_until", "token", "id", "ids", "updated_at", "paused_at", "next_at", "created_at",
              "run_at", "revision", "early_ms", "schedule_id", "paused_until", "next_run_at", "last_run_at", "run_id")  # fmt: skip
    if isinstance(answer, dict):
        return {name: _plain(value) for name, value in answer.items() if name not in hidden}
    return [_plain(each) for each in answer] if isinstance(answer, list) else answer


def in_turn(scene: Scene, pair: tuple[Make, Make], first: int, *, passing: bool = False) -> Outcome:
    """`passing`: the claim passes over what another holds, and leaves it to the next."""
    calls = [make(scene) for make in pair]
    for call in calls:
        if passing and call.function == "claim":
            call.params["tasks"] = []
    answers = ["", ""]
    for which in (first, 1 - first):
        answers[which] = told(calls[which].on(scene.connections[0]), scene)
    return Outcome((answers[0], answers[1]), json.dumps(scene.state(), default=str))


def at_once(scene: Scene, pair: tuple[Make, Make], first: int, *, rolled_back: bool) -> Outcome:
    """The first is held open before its commit while the second begins."""
    calls = [make(scene) for make in pair]
    answers = ["", ""]
    held = scene.connect(autocommit=False)
    other = scene.connect()
    answers[first] = told(calls[first].on(held), scene)
    heard: list[str] = []
    second = threading.Thread(target=lambda: heard.append(told(calls[1 - first].on(other), scene)))
    second.start()
    query = "select wait_event_type from pg_stat_activity where pid = %s"
    eventually(lambda: heard or scene.rows(query, other.info.backend_pid) == [("Lock",)], 10)
    held.rollback() if rolled_back else held.commit()
    if rolled_back:
        second.join(10)
        answers[first] = told(calls[first].on(held), scene)
        held.commit()
    second.join(10)
    (answers[1 - first],) = heard
    return Outcome((answers[0], answers[1]), json.dumps(scene.state(), default=str))


@pytest.fixture
def stage(database_url: str) -> Iterator[Callable[[str], Scene]]:
    """Sets the same scene again and again."""
    scene = Scene(database_url)
    scene.connect()

    def stage(state: str) -> Scene:
        for table in TABLES:
            scene.rows(f"delete from hourhand.{table}")
        scene.rows("alter sequence hourhand.job_runs_id_seq restart")
        for connection in scene.connections[1:]:
            connection.close()
        del scene.connections[1:]
        scene.prepare(state)
        return scene

    yield stage
    for connection in scene.connections:
        connection.close()


@pytest.mark.parametrize("name", PAIRS)
def test_two_calls_at_once_come_to_what_one_after_the_other_could(
    stage: Callable[[str], Scene], name: str
) -> None:
    state, *makes = PAIRS[name]
    pair = (makes[0], makes[1])
    serial = [in_turn(stage(state), pair, first) for first in (0, 1)]
    if "claim" in (make(stage(state)).function for make in pair):
        serial += [in_turn(stage(state), pair, first, passing=True) for first in (0, 1)]
    for first in (0, 1):
        for rolled_back in (False, True):
            found = at_once(stage(state), pair, first, rolled_back=rolled_back)
            assert found in serial, f"{first=} {rolled_back=}"


def test_a_repeated_call_that_does_not_ask_to_replace_changes_nothing(
    transport: PostgresTransport, sql: Callable[..., list[Any]]
) -> None:
    """Also where it leaves out what to do on a conflict."""
    job = {"task": "task", "key": "one", "payload": {"n": 1}}
    (first,) = transport.call("enqueue_many", {"p_jobs": [job]})
    (again,) = transport.call("enqueue_many", {"p_jobs": [{**job, "payload": {"n": 2}, "priority": 9}]})
    assert again == {"id": first["id"], "outcome": "existing"}
    assert sql("select payload, priority from hourhand.job_runs") == [({"n": 1}, 0)]
