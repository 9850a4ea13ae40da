"""One worker dies, sleeps or stops: what becomes of what it held."""

import random
import signal
import statistics
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import psycopg
import pytest

from tests.support import eventually
from tests.support.chaos import Daemon, Print, Site

pytestmark = pytest.mark.slow

SAMPLES = 3


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_killed_workers_run_starts_again_within_lease_and_poll(site: Site, tell: Print) -> None:
    """Taken over by a worker that is idle, and by the same one when it is busy for hours."""
    lease, poll = 3.0, 1.0
    times = {"HOURHAND_LEASE_SECONDS": lease, "JOB_WORKER_POLL_MS": poll * 1000}
    runs = [site.enqueue("once-then-quick") for _ in range(2 * SAMPLES)]
    doomed = [site.worker(**times, JOB_WORKER_BATCH=1, HOURHAND_PREFETCH="off") for _ in runs]
    eventually(lambda: len(site.events("run.started")) == len(runs), 30, interval=0.1)
    held = {event["session"]: event["run_id"] for event in site.events("run.started")}
    heir = site.worker(**times)
    site.await_open(heir)

    idle = [recovery(site, worker, held[worker.session], lease) for worker in doomed[:SAMPLES]]
    waits = {"an idle worker": [wait() for wait in idle]}
    site.enqueue("hold", {"gate": "never"})
    eventually(lambda: heir.said("run.started", task="hold"))
    busy = [recovery(site, worker, held[worker.session], lease) for worker in doomed[SAMPLES:]]
    waits["a busy worker"] = [wait() for wait in busy]

    for who, seconds in waits.items():
        tell(
            f"kill -9, lease {lease:g} s, poll {poll:g} s: started again by {who} after "
            f"p50 {statistics.median(seconds):.2f} s, max {max(seconds):.2f} s of {SAMPLES}"
        )
    assert max(map(max, waits.values())) <= lease + poll + 1


def recovery(site: Site, worker: Daemon, run: int, lease: float) -> Callable[[], float]:
    """Kills a worker; the answer gives the seconds until the run was claimed by another."""
    killed = site.value("select clock_timestamp()")
    worker.kill()
    threading.Event().wait(random.uniform(0, lease / 3))  # so that the next one dies at another moment

    def seconds() -> float:
        eventually(lambda: site.status(run) == "completed", 30, interval=0.1)
        assert site.run(run)["attempt"] == 2
        waited: timedelta = at(site.run(run)["claimed_at"]) - killed
        return waited.total_seconds()

    return seconds


def test_of_twelve_killed_workers_each_run_starts_again_in_time(site: Site, tell: Print) -> None:
    """With polls well under a second. What it costs are the starts of the workers, half a second of a core each."""
    lease, poll, rounds, each = 1.5, 0.2, 2, 6
    times = {"HOURHAND_LEASE_SECONDS": lease, "JOB_WORKER_POLL_MS": poll * 1000}
    heir = site.worker(**times)
    site.await_open(heir)
    waits: list[float] = []
    for _ in range(rounds):
        # Each of these workers shall hold one run, and the heir none.
        heir.send(signal.SIGSTOP)
        began = len(site.events("run.started"))
        runs = [site.enqueue("once-then-quick") for _ in range(each)]
        doomed = [site.worker(**times, JOB_WORKER_BATCH=1, HOURHAND_PREFETCH="off") for _ in runs]
        eventually(lambda n=began: len(site.events("run.started")) == n + each, 30, interval=0.05)
        heir.send(signal.SIGCONT)
        held = {event["session"]: event["run_id"] for event in site.events("run.started")}
        rescued = [recovery(site, worker, held[worker.session], lease) for worker in doomed]
        waits += [wait() for wait in rescued]
    tell(
        f"{len(waits)} kills -9, lease {lease:g} s, poll {poll:g} s: started again after "
        f"p50 {statistics.median(waits):.2f} s, max {max(waits):.2f} s"
    )
    assert max(waits) <= lease + poll + 1


def test_a_sleeper_that_finishes_before_it_hears_of_its_loss_is_refused(site: Site) -> None:
    """The new attempt is still running then, and it is the one that counts."""
    run = site.enqueue("hold", {"gate": "attempt-{attempt}"})
    sleeper = site.worker()
    eventually(lambda: sleeper.events("run.started"), 30, interval=0.05)
    lost = sleeper.session
    heir = site.worker()
    site.await_open(heir)
    sleeper.send(signal.SIGSTOP)
    eventually(lambda: heir.events("run.started"), 20)
    with psycopg.connect(site.url) as holder:
        # Beats and claims would tell the sleeper first. They wait for this table, which a finish does not need.
        holder.execute("lock table hourhand.services in access exclusive mode")
        site.gate("attempt-1").touch()
        sleeper.send(signal.SIGCONT)
        (told,) = eventually(lambda: sleeper.events("run.refused", "run.finished"))
        assert not sleeper.events("session.lost")
        assert (told["event"], site.status(run)) == ("run.refused", "processing"), (
            "it has ended the new attempt"
        )
    assert (told["run_id"], told["session"], told["outcome"]) == (run, lost, "completed")
    eventually(lambda: sleeper.said("session.lost", session=lost))
    site.gate("attempt-2").touch()
    eventually(lambda: site.status(run) == "completed")
    after = site.run(run)
    assert (after["result"], after["session_id"], after["attempt"]) == ("attempt 2", heir.session, 2)
    assert not heir.events("run.refused")
    assert sleeper.session != lost


def test_what_a_stopping_worker_holds_is_taken_by_others_at_once(site: Site, tell: Print) -> None:
    """Half of it runs and half of it waits; none of it uses up an attempt, though nobody polls for it."""
    long = {"HOURHAND_LEASE_SECONDS": 60, "JOB_WORKER_POLL_MS": 60_000}
    runs = [site.enqueue(task, {"gate": "never"}) for task in ("hold", "hold-async") * 2]
    runs += [site.enqueue("hold", {"gate": "never"}) for _ in range(4)]
    leaving = site.worker(**long, JOB_WORKER_BATCH=4, HOURHAND_SHUTDOWN_SECONDS=1)
    eventually(lambda: len(leaving.events("run.claimed")) == 8, 30, interval=0.05)
    eventually(lambda: len(leaving.events("run.started")) == 4, 30, interval=0.05)
    heir = site.worker(**long, JOB_WORKER_BATCH=8, HOURHAND_CONCURRENCY=8)
    site.await_open(heir)
    asked = site.value("select clock_timestamp()")
    assert leaving.stop() == 0
    eventually(lambda: len(heir.events("run.started")) == 8, interval=0.05)

    released = dict(
        site.rows("select run_id, ended_at from hourhand.job_run_attempts where outcome = 'released'")
    )
    now = [site.run(run) for run in runs]
    assert {row["id"] for row in now[:4]} == set(released), "those that had started, and no others"
    assert {(row["session_id"], row["attempt"], row["lost_count"]) for row in now} == {(heir.session, 1, 0)}
    waits = [at(row["claimed_at"]) - released.get(row["id"], asked) for row in now]
    tell(f"graceful stop: {len(runs)} runs taken over, the slowest after {max(waits).total_seconds():.3f} s")
    assert max(waits) < timedelta(seconds=2)
    state = "select state from hourhand.services where id = %s"
    assert site.value(state, leaving.session) == "closed"
