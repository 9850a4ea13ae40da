"""The short form of claims and finishes: an array for each field."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from hourhand import columns
from hourhand.errors import BadInput
from tests.sql.conftest import Hand

Sql = Callable[..., list[Any]]
Hands = Callable[..., Hand]
Enqueue = Callable[..., int]


def told(worker: Hand, results: dict[str, Any]) -> Any:
    return worker.transport.call("finish", {"p_session": worker.session, "p_results": results})["results"]


def ended(sql: Sql) -> list[Any]:
    return sql("select id, status, result from hourhand.job_runs where finished_at is not null order by id")


def test_a_claim_in_columns_gives_the_same_runs(hand: Hands, enqueue: Enqueue) -> None:
    (
        enqueue(payload={"n": 1}),
        enqueue(payload={"n": 2}, priority=3, concurrency_key="k"),
        enqueue(payload={"n": 3}),
    )
    worker = hand()
    claim = {
        "p_session": worker.session,
        "p_claim_id": str(uuid.uuid4()),
        "p_max": 10,
        "p_tasks": worker.tasks,
    }
    short = worker.transport.call("claim", {**claim, "p_packed": True})["runs"]
    assert (short["task"], short["schedule_id"], len(short["priority"])) == ("task", None, 3)
    runs = columns.rows(short)
    assert len(runs) == 3
    assert runs == worker.transport.call("claim", claim)["runs"]


def test_runs_without_outcomes_have_completed(hand: Hands, enqueue: Enqueue, sql: Sql) -> None:
    ids = [enqueue(), enqueue()]
    worker = hand()
    runs = worker.runs()
    started = [run["created_at"] for run in runs]
    results = {**columns.columns(runs, ["id", "token"]), "started_at": started, "duration_ms": [1.5, None]}
    assert told(worker, results) == []
    assert ended(sql) == [(run_id, "completed", None) for run_id in ids]
    assert told(worker, results) == [
        {"id": run["id"], "token": run["token"], "outcome": "already"} for run in runs
    ]


def test_every_outcome_can_be_told_in_columns(hand: Hands, enqueue: Enqueue, sql: Sql) -> None:
    a_list, nothing, broken, again = enqueue(), enqueue(), enqueue(), enqueue()
    worker = hand()
    results = {
        **columns.columns(worker.runs(), ["id", "token"]),
        "outcome": ["completed", "completed", "failed", "retry"],
        "result": [[[1], 2], None, None, None],
        "error": [None, None, {"class": "E", "message": "m"}, {"class": "F"}],
        "delay": [None, None, None, 60],
    }
    assert told(worker, results) == []
    assert ended(sql) == [
        (a_list, "completed", [[1], 2]),
        (nothing, "completed", None),
        (broken, "failed", None),
    ]
    assert sql("select run_id, error_class, message from hourhand.job_run_attempts order by run_id") == [
        (broken, "E", "m"),
        (again, "F", None),
    ]


@pytest.mark.parametrize("tokens", [None, [], [str(uuid.uuid4()), str(uuid.uuid4())]])
def test_without_its_token_nothing_ends(
    hand: Hands, enqueue: Enqueue, sql: Sql, tokens: list[str] | None
) -> None:
    enqueue(), enqueue()
    worker = hand()
    results = {"id": [run["id"] for run in worker.runs()], "token": tokens}
    assert {each["outcome"] for each in told(worker, results)} == {"stale"}
    assert ended(sql) == []


def test_one_that_is_stale_keeps_no_other_from_its_end(hand: Hands, enqueue: Enqueue, sql: Sql) -> None:
    ids = [enqueue(), enqueue(), enqueue()]
    worker = hand()
    results = columns.columns(worker.runs(), ["id", "token"])
    strange = results["token"][1] = str(uuid.uuid4())
    assert told(worker, results) == [{"id": ids[1], "token": strange, "outcome": "stale"}]
    assert [row[0] for row in ended(sql)] == [ids[0], ids[2]]


def test_fewer_outcomes_than_runs_are_refused(hand: Hands, enqueue: Enqueue) -> None:
    enqueue(), enqueue()
    worker = hand()
    with pytest.raises(BadInput, match="outcome"):
        told(worker, {**columns.columns(worker.runs(), ["id", "token"]), "outcome": ["completed"]})
