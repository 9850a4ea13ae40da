"""Leases: who loses one changes nothing any more, and what it held is run by others."""

import asyncio
import signal
import threading
import time

from hourhand.log.lines import Line
from hourhand.run import Run
from hourhand.tasks import task
from tests.support import eventually
from tests.worker.workshop import Process, Workshop

SLOW_ONCE = """
import pathlib, time
from hourhand import Run, task

@task("slow-once")
def slow_once(run: Run) -> str:
    # The first time it takes for ever, as far as anybody can tell.
    marker = pathlib.Path("begun")
    if not marker.exists():
        marker.touch()
        run.wait(60)
    return "done"
"""

QUICK = {"HOURHAND_LEASE_SECONDS": "1", "JOB_WORKER_POLL_MS": "1000"}


def test_the_run_of_a_worker_that_was_killed_is_run_by_another_within_lease_and_poll(shop: Workshop):
    run = shop.enqueue("slow-once")
    doomed = shop.spawn(SLOW_ONCE, **QUICK)
    eventually(lambda: (shop.directory / "begun").exists(), 20)
    heir = shop.spawn(SLOW_ONCE, **QUICK)
    eventually(lambda: heir.said("session.opened"), 20)
    doomed.kill()
    killed = time.monotonic()
    eventually(lambda: shop.status(run) == "completed", 20)
    assert time.monotonic() - killed < 1 + 1 + 1 + 7, "lease, poll, 1 s, and what a busy machine takes"
    columns = shop.run(run)
    assert (columns["attempt"], columns["lost_count"]) == (2, 1)
    assert shop.outcomes(run) == ["lost"]
    assert heir.said("run.rescued")


def stopped_for_longer_than_its_lease(shop: Workshop, process: Process) -> None:
    process.signal(signal.SIGSTOP)
    eventually(lambda: shop.sessions()[0]["state"] == "lost", 20)


def test_a_worker_that_slept_through_its_lease_cannot_finish_while_the_new_attempt_runs(shop: Workshop):
    source = """
    import pathlib
    from hourhand import Run, task

    @task("contested")
    def contested(run: Run) -> str:
        pathlib.Path(f"attempt-{run.attempt}").touch()
        while not pathlib.Path(f"finish-{run.attempt}").exists():
            run.wait(0.02) and None
        return f"by attempt {run.attempt}"
    """
    run = shop.enqueue("contested")
    sleeper = shop.spawn(source, **QUICK)
    eventually(lambda: (shop.directory / "attempt-1").exists(), 20)
    heir = shop.spawn(source, **QUICK)
    eventually(lambda: heir.said("session.opened"), 20)
    stopped_for_longer_than_its_lease(shop, sleeper)
    eventually(lambda: (shop.directory / "attempt-2").exists(), 20)
    # The first attempt ends while the second runs.
    (shop.directory / "finish-1").touch()
    sleeper.signal(signal.SIGCONT)
    eventually(lambda: sleeper.said("run.refused"), 20)
    assert shop.status(run) == "processing"
    (shop.directory / "finish-2").touch()
    eventually(lambda: shop.status(run) == "completed", 20)
    assert shop.run(run)["result"] == "by attempt 2"
    assert sleeper.said("session.lost")


def test_a_worker_that_lost_its_lease_tells_its_tasks_and_goes_on_with_a_new_session(
    shop: Workshop, lines: list[Line]
):
    begun, told = threading.Event(), threading.Event()
    interrupted = threading.Event()

    @task("thread", max_attempts=1)
    def in_thread(run: Run) -> str:
        begun.set()
        if run.wait(20):
            told.set()
        return "of the lost session"

    @task("async", max_attempts=1)
    async def on_loop() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            interrupted.set()

    @task("after")
    def after() -> str:
        return "works again"

    runs = [shop.enqueue("thread"), shop.enqueue("async")]
    with shop.working(lease=2, notify=False, worker_poll=500) as worker:
        assert begun.wait(10)
        eventually(lambda: shop.status(runs[1]) == "processing")
        # Somebody else takes the runs away, and finishes them, before the next beat.
        shop.transport.execute(
            "update hourhand.services set lease_until = now() - interval '1 s';"
            "select hourhand.rescue();"
            f"select hourhand.cancel_run({runs[0]}); select hourhand.cancel_run({runs[1]});"
        )
        assert told.wait(10)
        assert interrupted.wait(10)
        after_run = shop.enqueue("after")
        eventually(lambda: shop.status(after_run) == "completed")
        assert worker.outcomes == {"completed": 1}
    assert [shop.status(run) for run in runs] == ["cancelled", "cancelled"]
    assert sum(line.event == "run.refused" for line in lines) == 2
    assert [session["state"] for session in shop.sessions()] == ["lost", "closed"]


def test_neither_a_blocked_event_loop_nor_a_busy_interpreter_loses_the_lease(shop: Workshop):
    @task("rude", max_attempts=1)
    async def rude() -> None:
        end = time.monotonic() + 3
        while time.monotonic() < end:
            pass

    run = shop.enqueue("rude")
    shop.drain(lease=1)
    assert shop.status(run) == "completed"
    assert [session["state"] for session in shop.sessions()] == ["closed"]


def test_one_run_that_is_no_longer_ours_stops_and_the_others_go_on(shop: Workshop, lines: list[Line]):
    begun, told, done = threading.Event(), threading.Event(), threading.Event()

    @task("taken", max_attempts=1)
    def taken(run: Run) -> None:
        begun.set()
        if run.wait(20):
            told.set()

    @task("kept")
    def kept() -> str:
        done.wait(20)
        return "done"

    gone, own = shop.enqueue("taken"), shop.enqueue("kept")
    with shop.working(lease=2, notify=False):
        assert begun.wait(10)
        eventually(lambda: shop.status(own) == "processing")
        columns = shop.run(gone)
        held = [{"id": gone, "token": columns["token"], "started": True}]
        shop.transport.call("release", {"p_session": columns["session_id"], "p_runs": held})
        shop.transport.call("cancel_run", {"p_run_id": gone})
        assert told.wait(10)
        done.set()
        eventually(lambda: shop.status(own) == "completed")
    assert shop.status(gone) == "cancelled"
    assert any(line.event == "run.refused" and line.fields["run_id"] == gone for line in lines)


def test_a_task_that_kills_its_worker_takes_no_neighbour_along(shop: Workshop):
    source = """
    import os, time
    from hourhand import Run, task

    @task("killer", max_attempts=2)
    def killer() -> None:
        os._exit(1)

    @task("neighbour")
    def neighbour() -> None:
        time.sleep(0.2)
    """
    killer = shop.enqueue("killer", max_attempts=2)
    neighbours = [shop.enqueue("neighbour") for _ in range(4)]

    def all_over() -> bool:
        process.popen.poll()
        ended = [shop.status(run) in ("completed", "failed") for run in (killer, *neighbours)]
        return all(ended) or process.popen.returncode is not None

    # A worker that a busy machine holds up must not lose its lease by itself.
    patient = {**QUICK, "HOURHAND_LEASE_SECONDS": "3"}
    for _ in range(5):
        process = shop.spawn(source, **patient)
        eventually(all_over, 30)
    eventually(lambda: shop.status(killer) == "failed", 20)
    assert [shop.status(run) for run in neighbours] == ["completed"] * 4
    assert shop.run(killer)["error"] == "worker lost 3 times"
    # They may have lost the first worker with it, but never another one.
    assert all(shop.run(run)["lost_count"] <= 1 for run in neighbours)
