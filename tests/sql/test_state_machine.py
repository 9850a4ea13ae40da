"""Random calls of the functions, one after the other, against the rules told in plain Python.

HOURHAND_MACHINE_SECONDS lets it go on for longer; each example is a transaction that is rolled back.
"""

import json
import os
import uuid
from collections import Counter
from collections.abc import Iterator
from time import monotonic
from typing import Any, ClassVar

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from hourhand.testing import DatabaseClock
from tests.sql.run_model import LEASE, TASKS, Held, Model, ModelRun, ModelSession, Row

SECONDS = float(os.environ.get("HOURHAND_MACHINE_SECONDS", "20"))
STEPS = 40
QUEUES = ["default", "other"]
TASK_NAMES = [*TASKS]
REQUESTS = [str(uuid.UUID(int=number)) for number in range(1, 5)]
START = "timestamptz '2030-06-01 12:00Z'"

STATE = f"""
select id, status, attempt, lost_count, extract(epoch from run_at - {START})::float,
  extract(epoch from claim_at - {START})::float, max_attempts, priority, session_id::text, token::text,
  cancel_requested_at is not null, retry_of, extract(epoch from finished_at - {START})::float
from hourhand.job_runs
"""

maybe = st.sampled_from([True, False, False, False])
back = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 5, 9])
"""Which of a list, counted from its end."""
backs = st.lists(back, min_size=1, max_size=4)


def runs_known(machine: "Runs") -> bool:
    return bool(machine.known)


def attempts_known(machine: "Runs") -> bool:
    return bool(machine.held)


class Runs(RuleBasedStateMachine):
    """Every rule calls a function, predicts its answer by the model, and lets the model do the same."""

    connection: ClassVar[psycopg.Connection[Any]]
    calls: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.known: list[int] = []  # runs, whatever became of them
        self.held: list[Held] = []  # attempts, whatever became of them
        self.connection.rollback()
        self.execute(
            f"update hourhand_testing.clock set frozen_at = {START}, shift = '0'; "
            "insert into hourhand.tasks (name, concurrency, first_seen_at, last_seen_at) values "
            + ", ".join(f"('{task}', {limit or 'null'}, {START}, {START})" for task, limit in TASKS.items())
        )

    def teardown(self) -> None:
        self.connection.rollback()

    def execute(self, query: str, params: Any = None) -> Any:
        cursor = self.connection.execute(query.encode(), params)
        return cursor.fetchall() if cursor.description else None

    def call(self, function: str, **params: Any) -> Any:
        self.calls[function] += 1
        names = ", ".join(f"p_{name} => %({name})s" for name in params)
        values = {k: json.dumps(v) if isinstance(v, dict | list) else v for k, v in params.items()}
        return self.execute(f"select hourhand.{function}({names})", values)[0][0]

    # --- Users ---

    @rule(
        task=st.sampled_from(TASK_NAMES),
        queue=st.sampled_from(QUEUES),
        priority=st.sampled_from([0, 0, 0, 2, -2, 100, -100]),
        delay=st.sampled_from([None, None, None, -100.0, 5.0, 40.0]),
        key=st.sampled_from([None, None, "a", "b"]),
        on_conflict=st.sampled_from(["existing", "replace"]),
        concurrency_key=st.sampled_from([None, None, None, "red", "blue"]),
        max_attempts=st.sampled_from([1, 2, 4]),
    )
    def enqueue(self, task: str, queue: str, **options: Any) -> None:
        self.add_run(task, queue, **options)

    def add_run(
        self, task: str, queue: str, *, max_attempts: int, priority: int = 0, delay: float | None = None,
        key: str | None = None, on_conflict: str = "existing", concurrency_key: str | None = None,
    ) -> None:  # fmt: skip
        run_at = self.model.now + (delay or 0)
        new = ModelRun(task, queue, priority, run_at, max_attempts, key, concurrency_key)
        at = None if delay is None else self.execute(f"select {START} + %s * interval '1 s'", [run_at])[0][0]
        outcome, holder = self.model.enqueue(new, task, on_conflict)
        answer = self.call(
            "enqueue", task=task, queue=queue, priority=priority, run_at=at, key=key, on_conflict=on_conflict,
            concurrency_key=concurrency_key, max_attempts=max_attempts,
        )  # fmt: skip
        assert answer["outcome"] == outcome
        self.remember(answer["id"], holder, new, task)

    def remember(self, run: int, holder: int | None, new: ModelRun, scope: str) -> None:
        if holder is None:
            self.model.add(run, new, scope)
            self.known.append(run)
        else:
            assert run == holder

    @precondition(runs_known)
    @rule(which=back)
    def cancel(self, which: int) -> None:
        run = self.a_run(which)
        if run in self.model.pruned:
            assert self.refused("cancel_run", run_id=run) == "PT404"
        else:
            outcome = self.model.cancel(run)
            answer = self.call("cancel_run", run_id=run)
            assert (answer["outcome"], answer["status"]) == (outcome, self.model.runs[run].status)

    @precondition(runs_known)
    @rule(which=back, request=st.sampled_from(REQUESTS))
    def retry(self, which: int, request: str) -> None:
        """A request that was made before answers the run it made of this one."""
        run = self.a_run(which)
        if run in self.model.pruned or self.model.runs[run].is_live:
            expected = "PT404" if run in self.model.pruned else "PT409"
            assert self.refused("retry_run", run_id=run, request_id=request) == expected
            return
        new = self.model.retried(run, f"{request}:{run}")
        outcome, holder = self.model.enqueue(new, "hourhand.retry", "existing")
        answer = self.call("retry_run", run_id=run, request_id=request)
        assert answer["outcome"] == outcome
        self.remember(answer["id"], holder, new, "hourhand.retry")

    @rule(
        what=st.sampled_from(["pause", "resume", "resume", "prune", "count", "rescue"]),
        queue=st.sampled_from(QUEUES),
    )
    def look_after(self, what: str, queue: str) -> None:
        match what:
            case "pause":
                self.call("pause_queue", queue=queue)
                self.model.paused.add(queue)
            case "resume":
                self.call("resume_queue", queue=queue)
                self.model.paused.discard(queue)
            case "prune":
                assert self.call("prune", retention_days=1)["more"] is False
                self.model.prune(1)
            case "rescue":
                answer = self.call("rescue")
                assert {name: answer[name] for name in ("sessions", "runs", "failed")} == self.model.rescue()
            case _:
                depth = self.call("get_status")["depth"]
                assert {status: count for status, count in depth.items() if count} == self.model.depth()

    @rule(seconds=st.sampled_from([0.25, 1.0, 1.0, 6.0, LEASE / 2, LEASE, 2 * LEASE, 7200.0, 90_000.0]))
    def time_passes(self, seconds: float) -> None:
        self.model.now += seconds
        self.execute(
            f"update hourhand_testing.clock set frozen_at = {START} + %s * interval '1 s'", [self.model.now]
        )

    # --- Workers ---

    @initialize()
    def a_worker_is_at_work(self) -> None:
        self.open_session()
        for number in range(5):
            self.add_run(TASK_NAMES[number % 2], "default", max_attempts=1 + number % 2)
        self.claim_runs(0, 3)

    @precondition(lambda self: sum(map(self.model.is_open, self.model.sessions)) < 2)
    @rule()
    def another_session(self) -> None:
        self.open_session()

    def open_session(self) -> None:
        session = str(uuid.uuid4())
        for _ in range(2):
            self.call("open_session", session=session, lease=LEASE)
        self.model.sessions[session] = ModelSession(self.model.now + LEASE)

    @rule(worker=back, most=st.sampled_from([1, 2, 10]), busy=maybe, repeat=maybe)
    def claim(self, worker: int, most: int, busy: bool, repeat: bool) -> None:
        self.claim_runs(worker, most, busy=busy, repeat=repeat)

    def claim_runs(self, worker: int, most: int, *, busy: bool = False, repeat: bool = False) -> None:
        session = self.a_session(worker)
        claim = str(uuid.uuid4())
        params = {"session": session, "claim_id": claim, "max": most, "tasks": TASK_NAMES, "held": int(busy)}
        answer = self.call("claim", **params)
        assert answer["lost"] is not self.model.is_open(session)
        picked = {run["id"]: run["token"] for run in answer["runs"]}
        if not answer["lost"]:
            assert [*self.model.judge_claim([*picked], most, int(busy))] == []
        self.model.claim(picked, session, claim)
        assert all(run["attempt"] == self.model.runs[run["id"]].attempt for run in answer["runs"])
        if repeat and picked:
            again = self.call("claim", **params)["runs"]
            assert {run["id"]: run["token"] for run in again} == picked
        self.held += [Held(*each) for each in picked.items()]

    @precondition(attempts_known)
    @rule(
        which=backs,
        worker=back,
        outcome=st.sampled_from(["completed", "completed", "retry", "snooze", "failed", "cancelled"]),
        delay=st.sampled_from([0.0, 3.0]),
        repeat=maybe,
    )
    def finish(self, which: list[int], worker: int, outcome: str, delay: float, repeat: bool) -> None:
        """By whichever session: it is the token that counts."""
        attempts, session = self.some_attempts(which), self.a_session(worker)
        results = [
            {"id": run, "token": token, "outcome": outcome, "delay": delay, "error": {"class": "E"}}
            for run, token in attempts
        ]
        for _ in range(1 + repeat):
            expected = [self.model.finish(each, outcome, delay) for each in attempts]
            answer = self.call("finish", session=session, results=results)
            assert [told["outcome"] for told in answer["results"]] == expected

    @rule(worker=back, which=st.lists(back, max_size=4))
    def beat(self, worker: int, which: list[int]) -> None:
        attempts, session = self.some_attempts(which), self.a_session(worker)
        news = self.model.beat(session, attempts)
        named = [each._asdict() | {"id": each.run} for each in attempts]
        answer = self.call("beat", session=session, held=named, lease=LEASE)
        assert answer["lost"] is (news is None)
        if news is None:
            assert sorted(answer["stale"]) == sorted(each.run for each in attempts)
        else:
            told = {
                "cancel": [run["id"] for run in answer["cancel"]],
                "stale": answer["stale"],
                "rescued": answer["rescued"],
            }
            assert told == news

    @rule(worker=back, which=st.lists(back, max_size=2), started=st.booleans(), close=maybe)
    def release(self, worker: int, which: list[int], started: bool, close: bool) -> None:
        attempts, session = self.some_attempts(which), self.a_session(worker)
        runs = [{"id": run, "token": token, "started": started} for run, token in attempts]
        expected = self.model.release(session, [(each, started) for each in attempts], close)
        answer = self.call("release", session=session, runs=runs, close=close)
        assert [told["outcome"] for told in answer["results"]] == expected

    @precondition(attempts_known)
    @rule(which=back)
    def tell(self, which: int) -> None:
        (attempt,) = self.some_attempts([which])
        answer = self.call("set_progress", run_id=attempt.run, token=attempt.token, progress={"done": 1})
        assert answer["outcome"] == self.model.writes(attempt)
        line = {"run_id": attempt.run, "token": attempt.token, "attempt": 1, "seq": 1, "at": "2030-06-01Z",
                "level": "INFO", "message": "here"}  # fmt: skip
        stale = self.call("append_logs", session=self.a_session(0), logs=[line])["stale"]
        assert (stale == 0) is self.model.may_log(attempt)

    def a_run(self, which: int) -> int:
        return self.known[-1 - which % len(self.known)]

    def a_session(self, which: int) -> str:
        sessions = [*self.model.sessions]
        return sessions[-1 - which % len(sessions)]

    def some_attempts(self, which: list[int]) -> list[Held]:
        """Of distinct runs."""
        chosen = [self.held[-1 - each % len(self.held)] for each in which if self.held]
        return [*{each.run: each for each in chosen}.values()]

    # --- What holds after each step ---

    @invariant()
    def nothing_is_lost_doubled_or_otherwise_than_the_rules_say(self) -> None:
        rows = self.execute(STATE)
        found = {row[0]: Row(*row[1:]) for row in rows}
        assert len(rows) == len(found), "a run is there twice"
        expected = {run: known.row for run, known in self.model.runs.items()}
        differing = {run for run in found.keys() | expected.keys() if found.get(run) != expected.get(run)}
        told = [f"{run}: {found.get(run)}, not {expected.get(run)}" for run in sorted(differing)]
        assert not told, "\n".join(told)

    @invariant()
    def what_is_kept_of_attempts_is_what_happened(self) -> None:
        rows = self.execute("select run_id, token::text, outcome, ended_at from hourhand.job_run_attempts")
        found = Counter((run, token, outcome) for run, token, outcome, _ in rows)
        assert found <= +self.model.attempts
        kept = {entry for entry in +self.model.attempts if entry[0] in self.model.runs}
        if not self.calls_prune:
            assert kept <= found.keys()

    @property
    def calls_prune(self) -> bool:
        return self.model.now > 86400  # what is older may be gone

    def refused(self, function: str, **params: Any) -> str | None:
        with pytest.raises(psycopg.Error) as told, self.connection.transaction():
            self.call(function, **params)
        return told.value.sqlstate


@pytest.fixture
def machine(database_url: str) -> Iterator[type[Runs]]:
    with DatabaseClock(database_url), psycopg.connect(database_url) as connection:
        Runs.connection = connection
        Runs.calls.clear()
        yield Runs


@pytest.mark.slow
@pytest.mark.timeout(SECONDS * 2 + 60)
def test_the_functions_do_what_the_rules_say(machine: type[Runs], capsys: pytest.CaptureFixture[str]) -> None:
    profile = settings(
        max_examples=15,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    began, examples = monotonic(), 0
    while monotonic() - began < SECONDS:
        run_state_machine_as_test(machine, settings=profile)
        examples += profile.max_examples
    with capsys.disabled():
        print(f"\n{examples} examples, {machine.calls.total()} calls: {dict(machine.calls.most_common())}")
