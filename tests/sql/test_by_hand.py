"""What people do to runs that are there, and how long a key and a priority count."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hourhand.testing import DatabaseClock
from hourhand.transport.postgres import PostgresTransport
from tests.sql.conftest import Hand

Sql = Callable[..., list[Any]]
Hands = Callable[..., Hand]
Enqueue = Callable[..., int]

REQUEST = str(uuid.UUID(int=1))
ROWS = "select id, status, attempt, lost_count, token is null from hourhand.job_runs order by id"


def test_many_ended_runs_are_tried_again_each_as_a_new_run(
    hand: Hands, enqueue: Enqueue, transport: PostgresTransport, sql: Sql
) -> None:
    """One that cannot be stops no other, and a request that is repeated makes no run twice."""
    ended = [enqueue(payload={"n": n}) for n in range(3)]
    worker = hand()
    worker.finish(*worker.runs(), outcome="failed")
    live, unknown = enqueue(), 999
    request = {"p_ids": [*ended, live, unknown], "p_request_id": str(uuid.uuid4())}
    first, again = (transport.call("retry_runs", request)["results"] for _ in range(2))
    assert first == again
    told = {each["id"]: each for each in first}
    assert "not finished" in told[live]["error"]
    assert "no run" in told[unknown]["error"]
    made = sql("select id, retry_of, payload from hourhand.job_runs where trigger = 'retry' order by id")
    assert made == [(told[run]["retried_as"], run, {"n": n}) for n, run in enumerate(ended)]
    assert sql("select count(*) from hourhand.audit_log where action = 'run.retried'") == [(3,)]
    alone = [transport.call("retry_run", {"p_run_id": run, "p_request_id": REQUEST})["id"] for run in ended]
    assert len({*alone}) == 3, "a request may be about several"


def test_runs_are_taken_back_without_using_an_attempt_whether_their_worker_lives_or_not(
    hand: Hands, enqueue: Enqueue, transport: PostgresTransport, sql: Sql
) -> None:
    run, waits = enqueue(), enqueue()
    worker = hand()
    (held,) = worker.runs(1)
    assert transport.call("reset_runs")["runs"] == 1
    assert sql(ROWS) == [(run, "pending", 0, 0, True), (waits, "pending", 0, 0, True)]
    assert sql("select run_id, outcome, message from hourhand.job_run_attempts") == [
        (run, "released", "taken back by hand")
    ]
    assert worker.beat(held)["stale"] == [run]
    assert worker.finish(held) == ["stale"]
    assert transport.call("reset_runs")["runs"] == 0


def test_only_what_was_claimed_before_is_taken_back(
    hand: Hands, enqueue: Enqueue, transport: PostgresTransport, sql: Sql
) -> None:
    for _ in range(2):
        enqueue()
    worker = hand()
    worker.runs(1)
    before = transport.call("reset_runs", {"p_limit": 1})["before"]
    worker.runs(2)
    assert transport.call("reset_runs", {"p_claimed_before": before})["runs"] == 0
    assert sql("select count(*) from hourhand.job_runs where status = 'processing'") == [(2,)]


def test_a_run_that_shall_be_cancelled_is_not_put_back_into_its_queue(
    hand: Hands, enqueue: Enqueue, transport: PostgresTransport, sql: Sql
) -> None:
    run = enqueue()
    hand().runs()
    transport.call("cancel_run", {"p_run_id": run, "p_reason": "enough"})
    transport.call("reset_runs")
    assert sql("select status, error from hourhand.job_runs") == [("cancelled", "enough")]


def test_a_key_counts_for_its_period(database_url: str, transport: PostgresTransport) -> None:
    job = {"p_task": "task", "p_key": "one", "p_key_ttl": timedelta(minutes=10)}
    with DatabaseClock(database_url) as clock:
        clock.freeze()
        made = transport.call("enqueue", job)
        clock.advance(timedelta(minutes=10) - timedelta(microseconds=1))
        assert transport.call("enqueue", job) == {**made, "outcome": "existing"}
        clock.advance(timedelta(microseconds=1))
        again = transport.call("enqueue", job)
    assert again["outcome"] == "created"
    assert again["id"] != made["id"]


def test_age_wins_over_any_number_of_runs_with_a_higher_priority(
    database_url: str, hand: Hands, enqueue: Enqueue
) -> None:
    """Five of a priority that is five minutes higher come each minute, and five are claimed."""
    worker = hand(lease=1e6)
    with DatabaseClock(database_url) as clock:
        clock.freeze()
        low = enqueue()
        waited = 0
        while True:
            for _ in range(5):
                enqueue(priority=5)
            if low in [run["id"] for run in worker.runs(5)]:
                break
            waited += 1
            assert waited < 10
            clock.advance(timedelta(minutes=1))
    assert waited == 5
