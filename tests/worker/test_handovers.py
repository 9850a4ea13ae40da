"""What one thread of a worker hands over to another, at the worst moment."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from hourhand.run import Run
from hourhand.tasks import task
from hourhand.transport.postgres import PostgresTransport
from hourhand_worker.worker import Worker
from tests.support import eventually
from tests.worker.workshop import Workshop

# The poll is so long that a test which needs it fails.
RARELY = {"worker_poll": 600_000, "notify": False}

END_LEASES = "update hourhand.services set lease_until = now() - interval '1 s' where state = 'open'"


class Late(PostgresTransport):
    """Does something between the first claim that brings runs and its answer."""

    def __init__(self, url: str, meanwhile: Callable[[], object]) -> None:
        super().__init__(url, application_name="hourhand-worker", patience=5.0)
        self._meanwhile: Callable[[], object] | None = meanwhile

    def call(self, function: str, params: Any = None, *, retry: bool = True) -> Any:
        answer = super().call(function, params, retry=retry)
        if function == "claim" and answer["runs"] and self._meanwhile is not None:
            meanwhile, self._meanwhile = self._meanwhile, None
            meanwhile()
        return answer


def drain_late(shop: Workshop, meanwhile: Callable[[Worker], object], **overrides: Any) -> Worker:
    transport = Late(shop.url, lambda: meanwhile(worker))
    worker = Worker(shop.settings(**overrides), shop.tasks, transport)
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
    assert began == [1]
    assert worker.outcomes == {"completed": 1}


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
    with shop.working(concurrency=1, worker_batch=3, lease=2, worker_poll=500):
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
    worker = shop.worker(**RARELY, lease=2)
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
