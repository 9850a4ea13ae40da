"""complete_run(): finishing a run in somebody's own transaction."""

import threading
from collections.abc import Callable

import psycopg
import pytest

from hourhand import Run
from hourhand.transport.postgres import PostgresTransport
from tests.sql.conftest import Hand

Connect = Callable[..., psycopg.Connection]


def as_run(claimed: dict[str, object]) -> Run:
    return Run(claimed, None)  # type: ignore[arg-type]


@pytest.fixture
def worker(transport: PostgresTransport) -> Hand:
    hand = Hand(transport, ["task"]).open()
    transport.call("enqueue", {"p_task": "task"})
    return hand


def test_a_stale_attempt_can_commit_nothing(worker: Hand, connect: Connect, transport: PostgresTransport):
    [first] = worker.runs()
    transport.call(
        "release", {"p_session": worker.session, "p_runs": [{"id": first["id"], "token": first["token"]}]}
    )
    [second] = worker.runs()
    connection = connect(autocommit=False)
    connection.execute("create table public.written (id int)")
    with pytest.raises(psycopg.Error) as refused:
        as_run(first).complete_in(connection)
    connection.commit()
    assert refused.value.sqlstate == "PT409"
    assert transport.query("select to_regclass('public.written') is null") == [(True,)]
    with connect(autocommit=False) as connection:
        as_run(second).complete_in(connection, {"percent": "100%", "when": "12:30", "quote": "it's"})
    assert transport.call("get_run", {"p_run_id": second["id"]})["result"]["quote"] == "it's"


def test_a_run_that_is_rolled_back_is_still_held_and_can_be_finished(worker: Hand, connect: Connect):
    [claimed] = worker.runs()
    connection = connect(autocommit=False)
    as_run(claimed).complete_in(connection)
    connection.rollback()
    assert worker.beat(claimed)["stale"] == []
    assert worker.finish(claimed) == ["ok"]


def test_the_worker_hears_that_it_is_finished_already(worker: Hand, connect: Connect):
    [claimed] = worker.runs()
    for _ in range(2):
        with connect(autocommit=False) as connection:
            as_run(claimed).complete_in(connection)
    assert worker.beat(claimed)["stale"] == []
    assert worker.finish(claimed, outcome="failed") == ["already"]


def test_an_open_transaction_keeps_no_other_worker_from_its_lease(
    worker: Hand, connect: Connect, transport: PostgresTransport
):
    [claimed] = worker.runs()
    connection = connect(autocommit=False)
    as_run(claimed).complete_in(connection)
    transport.execute("update hourhand.services set lease_until = now() - interval '1 second'")
    heir = Hand(transport, ["task"]).open()
    answers: list[dict[str, object]] = []
    thread = threading.Thread(target=lambda: answers.append(heir.beat()))
    thread.start()
    thread.join(10)
    assert answers
    assert (answers[0]["lost"], answers[0]["rescued"]) == (False, 0)
    connection.commit()
    assert transport.call("get_run", {"p_run_id": claimed["id"]})["status"] == "completed"
    assert heir.beat()["rescued"] == 0
