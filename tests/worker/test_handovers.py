"""What one thread of a worker hands over to another, at the worst moment."""

import asyncio
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hourhand.run import Run
from hourhand.tasks import task
from hourhand.transport.postgres import PostgresTransport
from hourhand_worker import farewell, logbook
from hourhand_worker.clock import Clock
from hourhand_worker.desk import Desk
from hourhand_worker.logbook import Logbook
from hourhand_worker.worker import Worker
from tests.support import eventually
from tests.worker.workshop import Workshop

# The poll is so long that a test which needs it fails.
RARELY = {"worker_poll": 600_000, "notify": False}

END_LEASES = "update hourhand.services set lease_until = now() - interval '1 s' where state = 'open'"


class Late(PostgresTransport):
    """Does something before it passes on the first claim that brings runs, or makes the first finish."""

    def __init__(self, url: str, function: str, meanwhile: Callable[[], object]) -> None:
        super().__init__(url, application_name="hourhand-worker", patience=5.0)
        self._function = function
        self._meanwhile = meanwhile

    def call(self, function: str, params: Any = None, *, retry: bool = True) -> Any:
        if function == self._function == "finish":
            self._do_it()
        answer = super().call(function, params, retry=retry)
        if function == self._function == "claim" and answer["runs"]:
            self._do_it()
        return answer

    def _do_it(self) -> None:
        self._function = ""
        self._meanwhile()


def drain_late(
    shop: Workshop, meanwhile: Callable[[Worker], object], function: str = "claim", **overrides: Any
) -> Worker:
    transport = Late(shop.url, function, lambda: meanwhile(worker))
    worker = Worker(shop.settings(**{"lease": 60, **overrides}), shop.tasks, transport)
    worker.drain()
    transport.close()
    return worker


@pytest.fixture
def began(shop: Workshop) -> list[int]:
    """The attempts of the task `noted` that have begun."""
    began: list[int] = []

    @task("noted")
    def noted(run: Run) -> None:
        began.append(run.attempt)

    return began


def beat(worker: Worker) -> None:
    worker._session.beat({})


# --- A claim that is answered late ---


def test_what_a_lost_session_has_claimed_goes_back_as_if_it_had_not(shop: Workshop, began: list[int]):
    def lose(worker: Worker) -> None:
        shop.transport.execute(END_LEASES)
        beat(worker)

    run = shop.enqueue("noted")
    drain_late(shop, lose)
    assert (began, shop.outcomes(run)) == ([1], [])
    assert shop.run(run)["session_id"] == shop.sessions()[1]["id"]


def test_what_others_have_taken_from_a_lost_session_is_not_begun(shop: Workshop, began: list[int]):
    def lose(worker: Worker) -> None:
        shop.transport.execute(END_LEASES)
        shop.transport.call("rescue")
        beat(worker)

    run = shop.enqueue("noted")
    drain_late(shop, lose)
    assert (began, shop.outcomes(run)) == ([2], ["lost"])


def test_what_was_given_back_because_nobody_seemed_to_hold_it_is_not_begun_twice(
    shop: Workshop, began: list[int]
):
    run = shop.enqueue("noted")
    worker = drain_late(shop, lambda _: eventually(lambda: shop.status(run) == "pending", 20), lease=1)
    assert len(began) == 1
    assert worker.outcomes == {"completed": 1}


def test_what_a_claim_brings_after_the_worker_was_told_to_stop_is_not_begun(shop: Workshop, began: list[int]):
    run = shop.enqueue("noted")
    drain_late(shop, Worker.stop)
    columns = shop.run(run)
    assert (columns["status"], columns["attempt"], columns["lost_count"], began) == ("pending", 0, 0, [])


# --- An end that is delivered late ---


def test_an_end_that_was_refused_is_not_counted_as_one(shop: Workshop, began: list[int]):
    def lose(_: Worker) -> None:
        shop.transport.execute(END_LEASES)
        shop.transport.call("rescue")

    shop.enqueue("noted")
    worker = drain_late(shop, lose, "finish")
    assert began == [1, 2]
    assert worker.outcomes == {"completed": 1}


def test_an_end_that_is_still_being_put_into_words_when_the_worker_goes_is_delivered(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
):
    asked, answered = threading.Event(), threading.Event()

    class Wordy(Exception):  # noqa: N818
        def __str__(self) -> str:
            asked.set()
            answered.wait(20)
            return "at last"

    @task("wordy", max_attempts=1)
    def wordy() -> None:
        raise Wordy

    monkeypatch.setattr(farewell, "UNWIND", 0.1)
    run = shop.enqueue("wordy")
    with shop.working(shutdown=0.1) as worker:
        assert asked.wait(10)
        worker.stop()
        eventually(lambda: worker._finisher._give_up_at is not None)
        worker._finisher._thread.join(0.3)  # it must not have gone
        answered.set()
    assert shop.status(run) == "failed"


def test_a_line_that_comes_while_the_one_before_is_taken_is_told_of(monkeypatch: pytest.MonkeyPatch):
    told: list[str] = []
    book = Logbook(Clock())
    desk = Desk(cast(Any, None), book, lambda: told.append("told"))
    run = cast(Any, SimpleNamespace(id=1, token="t", attempt=1))

    def taking(text: str) -> str:
        if text == "second":
            book.take()
        return text

    monkeypatch.setattr(logbook, "redact", taking)
    desk.log(run, "INFO", "first")
    desk.log(run, "INFO", "second")
    assert told == ["told", "told"]


# --- A lease that is lost ---


def test_what_waits_for_a_slot_when_the_lease_is_lost_does_not_count_as_lost(shop: Workshop):
    begun = threading.Event()
    leases: list[Any] = []

    @task("slow")
    def slow(run: Run) -> None:
        begun.set()
        if run.attempt == 1:
            run.wait(30)

    @task("waits")
    def waits(run: Run) -> None:
        leases.extend(
            shop.transport.query(
                "select lease_until > now() from hourhand.services"
                f" where id = (select session_id from hourhand.job_runs where id = {run.id})"
            )
        )

    first, *others = shop.enqueue("slow"), shop.enqueue("waits"), shop.enqueue("waits")
    with shop.working(concurrency=1, worker_batch=3, lease=60, worker_poll=500):
        assert begun.wait(10)
        eventually(lambda: {shop.status(run) for run in others} == {"processing"})
        shop.transport.execute(END_LEASES)
        eventually(lambda: {shop.status(run) for run in (first, *others)} == {"completed"}, 20)
    assert [shop.run(run)["lost_count"] for run in (first, *others)] == [1, 0, 0]
    assert [shop.run(run)["attempt"] for run in (first, *others)] == [2, 1, 1]
    assert leases == [(True,), (True,)]


def test_runs_that_this_worker_has_rescued_are_claimed_without_a_hint(shop: Workshop, began: list[int]):
    with shop.working(**RARELY, lease=2) as worker:
        eventually(lambda: worker._claimer.dry)
        lost = "9de9a1f1-6a3c-4d0b-9a5e-3c8c3f5f3b1e"
        shop.transport.call("open_session", {"p_session": lost, "p_lease": 60})
        run = shop.enqueue("noted")
        shop.transport.call("claim", {"p_session": lost, "p_tasks": ["noted"]})
        shop.transport.execute(f"{END_LEASES} and id = '{lost}'")
        eventually(lambda: shop.status(run) == "completed", 20)
    assert began == [2]


def test_a_worker_that_leaves_goes_when_its_last_run_is_taken_away(shop: Workshop):
    begun = threading.Event()

    @task("taken")
    def taken(run: Run) -> None:
        begun.set()
        run.wait(30)

    run = shop.enqueue("taken")
    worker = shop.worker(**RARELY, lease=5)
    thread = threading.Thread(target=worker.drain)
    thread.start()
    assert begun.wait(10)
    eventually(lambda: worker._claimer.starved is False)
    held = shop.run(run)
    shop.transport.call(
        "release",
        {"p_session": held["session_id"], "p_runs": [{"id": run, "token": held["token"], "started": True}]},
    )
    shop.transport.call("cancel_run", {"p_run_id": run})
    thread.join(20)
    assert not thread.is_alive()


# --- Told to stop ---


def test_a_cancel_that_comes_before_the_answer_to_the_claim_is_heard_of_soon(shop: Workshop):
    @task("endless")
    async def endless() -> None:
        await asyncio.Event().wait()

    def cancel(worker: Worker) -> None:
        shop.transport.call("cancel_run", {"p_run_id": run})
        worker._hinted("hourhand_runs")

    run = shop.enqueue("endless")
    worker = drain_late(shop, cancel, **RARELY, lease=600)
    assert worker.outcomes == {"cancelled": 1}


def test_an_async_task_is_interrupted_once_for_each_reason_and_may_clean_up(shop: Workshop):
    begun = threading.Event()
    interruptions: list[str] = []

    @task("cleans", timeout=0.5)
    async def cleans() -> None:
        begun.set()
        while len(interruptions) < 2:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                interruptions.append("interrupted")
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            interruptions.append("interrupted")

    run = shop.enqueue("cleans")
    with shop.working() as worker:
        assert begun.wait(10)
        shop.transport.call("cancel_run", {"p_run_id": run})
        eventually(lambda: interruptions)
        beat(worker)
        eventually(lambda: shop.status(run) != "processing", 20)
    assert len(interruptions) == 2
