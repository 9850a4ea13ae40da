"""Runs that are cancelled or out of time, and workers that are told to stop."""

import asyncio
import re
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from hourhand.log.lines import Line
from hourhand.retry import RetryPolicy
from hourhand.run import Run
from hourhand.tasks import task
from hourhand_worker import daemon, farewell
from tests.support import eventually
from tests.worker.workshop import Workshop


def events(lines: list[Line]) -> list[str]:
    return [line.event for line in lines]


# --- Cancelled by someone ---


def test_an_async_task_is_interrupted_when_its_run_is_cancelled(shop: Workshop):
    begun, cleaned = threading.Event(), threading.Event()

    @task("endless")
    async def endless() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.set()

    run = shop.enqueue("endless")
    with shop.working(lease=3):
        assert begun.wait(10)
        answer = shop.transport.call("cancel_run", {"p_run_id": run, "p_reason": "not needed"})
        assert answer["outcome"] == "requested"
        eventually(lambda: shop.status(run) == "cancelled")
    assert cleaned.is_set()
    assert shop.run(run)["error"] == "not needed"


def test_a_cancel_is_heard_of_by_a_hint_long_before_the_next_beat(shop: Workshop):
    begun = threading.Event()

    @task("endless")
    async def endless() -> None:
        begun.set()
        await asyncio.Event().wait()

    run = shop.enqueue("endless")
    with shop.working(lease=600, worker_poll=60_000) as worker:
        assert begun.wait(10)
        eventually(lambda: worker._listener is not None and worker._listener.working)
        shop.transport.call("cancel_run", {"p_run_id": run})
        eventually(lambda: shop.status(run) == "cancelled", 5)


def test_a_task_in_a_thread_sees_that_its_run_is_cancelled(shop: Workshop):
    begun = threading.Event()

    @task("endless")
    def endless(run: Run) -> None:
        begun.set()
        assert run.wait(30)
        raise RuntimeError(f"stopped: {run.cancel_reason}")

    run = shop.enqueue("endless")
    with shop.working(lease=3):
        assert begun.wait(10)
        shop.transport.call("cancel_run", {"p_run_id": run, "p_reason": "not needed"})
        eventually(lambda: shop.status(run) == "cancelled")


def test_a_run_that_ends_well_in_spite_of_a_cancel_is_completed(shop: Workshop):
    begun = threading.Event()

    @task("stubborn")
    def stubborn(run: Run) -> str:
        begun.set()
        run.wait(30)
        return "done"

    run = shop.enqueue("stubborn")
    with shop.working(lease=3):
        assert begun.wait(10)
        shop.transport.call("cancel_run", {"p_run_id": run})
        eventually(lambda: shop.status(run) == "completed")


def test_a_run_that_is_cancelled_before_it_has_a_slot_never_starts(shop: Workshop):
    begun, done = threading.Event(), threading.Event()
    started = []

    @task("slow")
    def slow(n: int) -> None:
        started.append(n)
        begun.set()
        done.wait(30)

    runs = [shop.enqueue("slow", {"n": n}) for n in range(2)]
    with shop.working(lease=3, concurrency=1, worker_batch=2):
        assert begun.wait(10)
        eventually(lambda: shop.status(runs[1]) == "processing")
        shop.transport.call("cancel_run", {"p_run_id": runs[1]})
        eventually(lambda: shop.sessions()[0]["stats"].get("ready") == 1)
        done.set()
        eventually(lambda: shop.status(runs[1]) == "cancelled")
    assert started == [0]


# --- Out of time ---


def test_an_async_task_that_is_out_of_time_is_interrupted(shop: Workshop):
    @task("slow", timeout=0.1, max_attempts=1)
    async def slow() -> None:
        await asyncio.Event().wait()

    run = shop.enqueue("slow")
    shop.drain()
    assert shop.run(run)["error"] == "TimeoutError: timed out after 0.1 s"


def test_a_task_that_catches_its_interruption_may_still_return(shop: Workshop):
    @task("saves", timeout=0.1)
    async def saves() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "saved"
        return "never"

    run = shop.enqueue("saves")
    shop.drain()
    assert shop.run(run)["result"] == "saved"


def test_a_thread_that_is_out_of_time_is_abandoned_and_its_slot_used_again(shop: Workshop, lines: list[Line]):
    end = threading.Event()
    seen: dict[str, Any] = {}

    @task("stuck", timeout=0.1, max_attempts=1)
    def stuck(run: Run) -> str:
        end.wait(30)
        seen["cancelled"] = run.cancelled
        return "too late"

    @task("other")
    def other() -> None: ...

    stuck_run = shop.enqueue("stuck")
    other_run = shop.enqueue("other")
    worker = shop.worker(concurrency=2, worker_batch=1, prefetch=False)
    thread = threading.Thread(target=worker.run)
    thread.start()
    eventually(lambda: shop.status(stuck_run) == "failed")
    eventually(lambda: shop.status(other_run) == "completed")
    assert shop.run(stuck_run)["error"] == "TimeoutError: timed out after 0.1 s"
    assert "run.abandoned" in events(lines)
    end.set()
    eventually(lambda: seen.get("cancelled"))
    worker.stop()
    thread.join(10)
    assert shop.run(stuck_run)["result"] is None


def test_a_worker_whose_threads_are_all_stuck_asks_to_be_restarted(shop: Workshop):
    process = shop.spawn(
        """
        import threading
        from hourhand import task

        @task("stuck", timeout=0.1, max_attempts=1)
        def stuck() -> None:
            threading.Event().wait(60)
        """,
        "--concurrency", "1", HOURHAND_PREFETCH="off",
    )  # fmt: skip
    run = shop.enqueue("stuck", max_attempts=1, timeout="0.1 s")
    assert process.wait() == 75
    assert shop.status(run) == "failed"


def test_a_worker_whose_event_loop_is_blocked_for_good_gives_its_runs_back_and_ends(shop: Workshop):
    process = shop.spawn(
        """
        import asyncio, time
        from hourhand import task

        @task("rude", timeout=0.1, max_attempts=1)
        async def rude() -> None:
            await asyncio.sleep(0.1)
            time.sleep(60)

        @task("polite")
        async def polite() -> None:
            await asyncio.sleep(30)
        """,
        HOURHAND_SHUTDOWN_SECONDS="0",
    )  # fmt: skip
    rude = shop.enqueue("rude", max_attempts=1, timeout="1 s")
    polite = [shop.enqueue("polite") for _ in range(3)]
    assert process.wait(60) == 75
    assert "has blocked the event loop" in process.log
    assert shop.status(rude) == "failed"
    assert {shop.status(run) for run in polite} == {"pending"}


def test_a_run_that_timed_out_is_tried_again(shop: Workshop):
    @task("slow", timeout=0.1, max_attempts=2, retry=RetryPolicy(first=0))
    async def slow(run: Run) -> int:
        if run.attempt == 1:
            await asyncio.Event().wait()
        return run.attempt

    run = shop.enqueue("slow")
    shop.drain()
    assert shop.run(run)["result"] == 2
    assert shop.outcomes(run) == ["retry"]


# --- Stopping the worker ---


def test_a_worker_that_stops_lets_running_work_end_and_gives_the_rest_back(shop: Workshop, lines: list[Line]):
    begun, done = threading.Event(), threading.Event()

    @task("slow")
    def slow() -> str:
        begun.set()
        done.wait(30)
        return "done"

    runs = [shop.enqueue("slow") for _ in range(3)]
    with shop.working(concurrency=1, worker_batch=3) as worker:
        assert begun.wait(10)
        eventually(lambda: shop.status(runs[2]) == "processing")
        worker.stop()
        eventually(lambda: shop.status(runs[2]) == "pending")
        done.set()
    assert [shop.status(run) for run in runs] == ["completed", "pending", "pending"]
    assert [shop.run(run)["attempt"] for run in runs] == [1, 0, 0]
    assert events(lines).count("run.released") == 2
    assert shop.sessions()[0]["state"] == "closed"


@pytest.mark.parametrize("kind", ["async", "thread"])
def test_what_does_not_end_in_time_is_given_back_without_using_an_attempt(shop: Workshop, kind: str):
    begun = threading.Event()

    @task("async")
    async def on_loop() -> None:
        begun.set()
        await asyncio.Event().wait()

    @task("thread")
    def in_thread(run: Run) -> None:
        begun.set()
        run.wait(30)
        raise RuntimeError("told to stop")

    run = shop.enqueue(kind)
    with shop.working(shutdown=0.2):
        assert begun.wait(10)
    columns = shop.run(run)
    assert (columns["status"], columns["attempt"], columns["lost_count"]) == ("pending", 0, 0)
    assert shop.outcomes(run) == ["released"]


def test_a_worker_goes_in_less_time_than_its_supervisor_waits():
    """Whatever hangs; a second each for the thread that delivers and the one that beats."""
    after = farewell.GOODBYE + farewell.UNWIND + farewell.DELIVER + 1 + 1 + farewell.GIVE_BACK + daemon.LINGER
    unit = Path(__file__).parents[2] / "deploy/systemd/job-worker.service"
    [patience] = re.findall(r"^TimeoutStopSec=(\d+)$", unit.read_text(), re.MULTILINE)
    assert 30 + after < int(patience)


def test_what_a_claim_brings_that_is_answered_after_the_stop_is_given_back_unstarted(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
):
    started: list[int] = []

    @task("slow")
    def slow(n: int) -> None:
        started.append(n)

    run = shop.enqueue("slow", {"n": 1})
    worker = shop.worker()
    call = worker._transport.call

    def late(function: str, params: Any = None) -> Any:
        answer = call(function, params)
        if function == "claim":
            worker.stop()
            eventually(lambda: not worker._executor._starting, 20)
        return answer

    monkeypatch.setattr(worker._transport, "call", late)
    worker.run()
    columns = shop.run(run)
    assert (columns["status"], columns["attempt"], columns["lost_count"]) == ("pending", 0, 0)
    assert started == []


LEAVES = """
import threading
from concurrent.futures import ThreadPoolExecutor
from hourhand import task

@task("thread")
def thread() -> None:
    threading.Thread(target=threading.Event().wait, daemon=False).start()

@task("executor")
def executor() -> None:
    ThreadPoolExecutor().submit(threading.Event().wait)
"""


@pytest.mark.parametrize("left", ["thread", "executor"])
def test_what_a_task_has_left_running_does_not_keep_the_process(shop: Workshop, left: str):
    process = shop.spawn(LEAVES, "--drain")
    run = shop.enqueue(left)
    assert process.wait() == 0
    assert shop.status(run) == "completed"
    assert "left behind are cut off" in process.log


WAITING = """
import asyncio
from hourhand import task

@task("endless")
async def endless() -> None:
    await asyncio.Event().wait()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_interrupts_at_once(shop: Workshop, number: signal.Signals):
    process = shop.spawn(WAITING, HOURHAND_SHUTDOWN_SECONDS="60")
    run = shop.enqueue("endless")
    eventually(lambda: process.said("run.started"))
    process.signal(number)
    eventually(lambda: process.said("worker.stopping"))
    process.signal(number)
    assert process.wait(15) == 0
    assert shop.status(run) == "pending"
    assert process.said("run.released")
    assert process.said("session.closed")
