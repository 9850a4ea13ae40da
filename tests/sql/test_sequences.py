"""Sequences: one step after the other, whatever becomes of each; a look of the parent between two steps."""

from collections.abc import Callable
from typing import Any

import pytest

from hourhand.transport.postgres import PostgresTransport
from tests.sql.conftest import Hand

Sql = Callable[..., list[Any]]
Hands = Callable[..., Hand]
Enqueue = Callable[..., int]
Run = dict[str, Any]
Look = Callable[[Run], Any]

SEQUENCE = "hourhand.sequence"


def steps(*tasks: str, **options: Any) -> dict[str, Any]:
    return {"steps": [{"task": task, **options} for task in tasks]}


@pytest.fixture
def look(transport: PostgresTransport) -> Look:
    """What a worker does with a claimed sequence, up to telling the database how it ended."""

    def look(run: Run) -> Any:
        return transport.call("advance_sequence", {"p_run_id": run["id"], "p_token": run["token"]})

    return look


@pytest.fixture
def worker(hand: Hands) -> Hand:
    return hand(SEQUENCE, "fetch", "clean", "embed")


def one(worker: Hand) -> Run:
    (run,) = worker.runs()
    return run


def put_off(worker: Hand, run: Run, look: Look) -> None:
    answer = look(run)
    assert answer["outcome"] == "waiting"
    assert worker.finish(run, outcome="snooze", delay=answer["wait"]) == ["ok"]


def test_each_step_begins_when_the_one_before_has_ended(
    worker: Hand, enqueue: Enqueue, look: Look, sql: Sql
) -> None:
    parent = enqueue(SEQUENCE, payload=steps("fetch", "clean"), priority=7)
    for number, task in enumerate(("fetch", "clean")):
        put_off(worker, one(worker), look)
        assert sql("select progress from hourhand.job_runs where id = %s", parent) == [
            ({"done": number, "total": 2, "message": task},)
        ]
        step = one(worker)
        assert (step["task"], step["parent_id"], step["priority"], step["trigger"]) == (
            task,
            parent,
            7,
            "task",
        )
        worker.finish(step)
    answer = look(one(worker))
    assert answer["outcome"] == "done"
    assert [(step["task"], step["status"]) for step in answer["steps"]] == [
        ("fetch", "completed"),
        ("clean", "completed"),
    ]


def test_a_failed_step_stops_no_other(worker: Hand, enqueue: Enqueue, look: Look) -> None:
    enqueue(SEQUENCE, payload=steps("fetch", "clean", "embed", max_attempts=1))
    for outcome in ("completed", "failed", "cancelled"):
        put_off(worker, one(worker), look)
        worker.finish(one(worker), outcome=outcome, error={"class": "KeyError", "message": outcome})
    answer = look(one(worker))
    assert [(step["status"], step["error"]) for step in answer["steps"]] == [
        ("completed", None),
        ("failed", "KeyError: failed"),
        ("cancelled", "KeyError: cancelled"),
    ]


def test_a_step_may_have_a_queue_priority_and_bounds_of_its_own(
    worker: Hand, enqueue: Enqueue, look: Look, sql: Sql
) -> None:
    own = {"payload": {"n": 1}, "queue": "slow", "priority": -3, "max_attempts": 2, "timeout": "15m"}
    enqueue(SEQUENCE, payload=steps("fetch", **own))
    put_off(worker, one(worker), look)
    assert sql(
        "select payload, queue, priority, max_attempts, timeout::text from hourhand.job_runs where task = 'fetch'"
    ) == [({"n": 1}, "slow", -3, 2, "00:15:00")]


def test_a_sequence_takes_no_attempt_for_its_looks_and_wakes_with_the_end_of_a_step(
    worker: Hand, enqueue: Enqueue, look: Look
) -> None:
    enqueue(SEQUENCE, payload=steps("fetch"), max_attempts=1)
    put_off(worker, one(worker), look)
    worker.finish(one(worker))
    again = one(worker)
    assert (again["task"], again["attempt"]) == (SEQUENCE, 1)


def test_a_look_whose_answer_was_lost_begins_no_second_step(
    worker: Hand, enqueue: Enqueue, look: Look, sql: Sql
) -> None:
    enqueue(SEQUENCE, payload=steps("fetch", "clean"))
    run = one(worker)
    assert look(run) == look(run)
    assert sql("select count(*) from hourhand.job_runs where task = 'fetch'") == [(1,)]
    worker.finish(one(worker))
    assert look(run)["outcome"] == "waiting"
    assert sql("select task from hourhand_parts.job_runs_live where parent_id is not null") == [("clean",)]


def test_a_stale_worker_moves_no_sequence_on(
    hand: Hands, worker: Hand, enqueue: Enqueue, look: Look, sql: Sql, end_lease: Callable[[Hand], None]
) -> None:
    enqueue(SEQUENCE, payload=steps("fetch"))
    run = one(worker)
    end_lease(worker)
    worker.transport.call("rescue")
    assert look(run) == {"outcome": "stale"}
    assert sql("select count(*) from hourhand.job_runs where task = 'fetch'") == [(0,)]


def test_a_sequence_whose_worker_died_goes_on_where_it_was(
    hand: Hands, worker: Hand, enqueue: Enqueue, look: Look, end_lease: Callable[[Hand], None]
) -> None:
    parent = enqueue(SEQUENCE, payload=steps("fetch", "clean"))
    put_off(worker, one(worker), look)
    worker.finish(one(worker))
    look(one(worker))  # begins the second step and dies before it says so
    end_lease(worker)
    worker.transport.call("rescue")
    heir = hand(SEQUENCE, "fetch", "clean")
    again = one(heir)  # alone, because it lost a worker
    assert again["id"] == parent
    put_off(heir, again, look)
    step = one(heir)
    assert step["task"] == "clean"
    heir.finish(step)
    assert [step["status"] for step in look(one(heir))["steps"]] == ["completed", "completed"]


def test_a_step_that_ends_while_its_sequence_looks_does_not_keep_it_waiting(
    worker: Hand, enqueue: Enqueue, look: Look
) -> None:
    enqueue(SEQUENCE, payload=steps("fetch"))
    parent = one(worker)
    wait = look(parent)["wait"]
    worker.finish(one(worker))
    worker.finish(parent, outcome="snooze", delay=wait)
    assert one(worker)["id"] == parent["id"]


@pytest.mark.parametrize("turned", [False, True])
def test_a_sequence_and_its_step_may_be_told_in_one_call(
    worker: Hand, enqueue: Enqueue, look: Look, turned: bool
) -> None:
    enqueue(SEQUENCE, payload=steps("fetch"))
    parent = one(worker)
    look(parent)
    step = one(worker)
    results = [
        {"id": parent["id"], "token": parent["token"], "outcome": "snooze", "delay": 60},
        {"id": step["id"], "token": step["token"], "outcome": "completed"},
    ]
    if turned:
        results.reverse()
    worker.transport.call("finish", {"p_session": worker.session, "p_results": results})
    assert one(worker)["id"] == parent["id"]


def test_the_steps_of_a_cancelled_sequence_are_cancelled(
    worker: Hand, enqueue: Enqueue, look: Look, transport: PostgresTransport, sql: Sql
) -> None:
    waiting, running = (enqueue(SEQUENCE, payload=steps(task, "embed")) for task in ("fetch", "clean"))
    for run in worker.runs():
        put_off(worker, run, look)
    fetch, clean = worker.runs()
    worker.finish(fetch, outcome="retry", delay=60)
    for parent in (waiting, running):
        answer = transport.call("cancel_run", {"p_run_id": parent, "p_reason": "holiday"})
        assert answer["outcome"] == "cancelled"
    assert sql("select status, error from hourhand.job_runs where id = %s", fetch["id"]) == [
        ("cancelled", f"sequence {waiting} was cancelled")
    ]
    assert [(news["id"], news["reason"]) for news in worker.beat(clean)["cancel"]] == [
        (clean["id"], f"sequence {running} was cancelled")
    ]
    worker.finish(clean, outcome="cancelled")
    assert worker.runs() == []


def test_sequences_that_share_a_key_follow_each_other(worker: Hand, enqueue: Enqueue, look: Look) -> None:
    first, second = (
        enqueue(SEQUENCE, payload=steps("fetch", "clean"), concurrency_key="nightly") for _ in range(2)
    )
    put_off(worker, one(worker), look)
    sequence = one(worker)
    assert sequence["id"] == second
    put_off(worker, sequence, look)
    step = one(worker)
    assert step["parent_id"] == first
    worker.finish(step)
    put_off(worker, one(worker), look)
    worker.finish(one(worker))
    last = one(worker)
    assert last["id"] == first
    assert look(last)["outcome"] == "done"
    worker.finish(last)
    put_off(worker, one(worker), look)
    assert one(worker)["parent_id"] == second


def test_no_step_runs_beside_what_its_sequence_may_not_run_beside(
    worker: Hand, enqueue: Enqueue, look: Look
) -> None:
    first = enqueue(SEQUENCE, payload=steps("fetch"), concurrency_key="nightly")
    put_off(worker, one(worker), look)
    enqueue("clean", concurrency_key="nightly")
    for _ in range(3):
        run = one(worker)
        assert worker.runs() == [], "two of this key at once"
        if run["id"] == first:
            assert look(run)["outcome"] == "done"
        worker.finish(run)
    assert worker.runs() == []


def test_a_sequence_in_a_sequence_with_a_key_does_not_wait_for_its_parent(
    worker: Hand, enqueue: Enqueue, look: Look
) -> None:
    inner = {"steps": [{"task": SEQUENCE, "payload": steps("fetch")}]}
    enqueue(SEQUENCE, payload=inner, concurrency_key="nightly")
    put_off(worker, one(worker), look)
    put_off(worker, one(worker), look)
    assert one(worker)["task"] == "fetch"


def test_steps_that_were_pruned_are_not_run_again(
    worker: Hand, enqueue: Enqueue, look: Look, sql: Sql
) -> None:
    enqueue(SEQUENCE, payload=steps("fetch", "clean"))
    put_off(worker, one(worker), look)
    worker.finish(one(worker))
    sql("delete from hourhand_parts.job_runs_history")
    put_off(worker, one(worker), look)
    step = one(worker)
    assert step["task"] == "clean"
    worker.finish(step)
    assert [step["status"] for step in look(one(worker))["steps"]] == ["deleted", "completed"]


def test_a_sequence_may_be_a_step_of_another(worker: Hand, enqueue: Enqueue, look: Look) -> None:
    inner = {"task": SEQUENCE, "payload": steps("fetch")}
    outer = enqueue(SEQUENCE, payload={"steps": [inner, {"task": "clean"}]})
    put_off(worker, one(worker), look)
    parent = one(worker)
    assert parent["parent_id"] == outer
    put_off(worker, parent, look)
    worker.finish(one(worker))
    parent = one(worker)
    assert look(parent)["outcome"] == "done"
    worker.finish(parent)
    put_off(worker, one(worker), look)
    assert one(worker)["task"] == "clean"
