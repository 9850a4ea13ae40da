"""A call into C that keeps the interpreter to itself stops the heartbeat, and must not cost the lease."""

import signal
import time

import pytest

from tests.support import eventually
from tests.worker.workshop import Workshop

pytestmark = pytest.mark.slow

HOG = """
import ctypes
from hourhand import task

@task("hog", max_attempts=1)
def hog(seconds: float) -> str:
    ctypes.PyDLL(None).usleep(int(seconds * 1_000_000))  # keeps the interpreter lock
    return "done"
"""

QUICK = {"HOURHAND_LEASE_SECONDS": "4", "JOB_WORKER_POLL_MS": "1000"}


def test_a_task_that_holds_the_interpreter_for_longer_than_the_lease_keeps_its_run(shop: Workshop):
    run = shop.enqueue("hog", {"seconds": 9})
    worker = shop.spawn(HOG, **QUICK)
    eventually(lambda: shop.status(run) == "processing", 20)
    other = shop.spawn(HOG, **QUICK)  # which would take it over
    eventually(lambda: shop.status(run) not in ("pending", "processing"), 40)
    row = shop.run(run)
    assert (row["status"], row["result"], row["attempt"], row["lost_count"]) == ("completed", "done", 1, 0)
    assert {session["state"] for session in shop.sessions()} == {"open"}
    for each in (worker, other):
        each.signal(signal.SIGTERM)
        assert each.wait() == 0


def test_a_worker_that_is_frozen_or_killed_meanwhile_still_loses_its_lease(shop: Workshop):
    run = shop.enqueue("hog", {"seconds": 60})
    worker = shop.spawn(HOG, **QUICK)
    eventually(lambda: (shop.sessions() or [{}])[0].get("stats") == {"blocked": True}, 20, interval=0.1)
    worker.signal(signal.SIGSTOP)
    stopped = time.monotonic()
    shop.spawn(HOG, **QUICK)
    eventually(lambda: shop.sessions()[0]["state"] == "lost", 20)
    assert time.monotonic() - stopped < 4 + 1 + 10, "lease, poll, and what a busy machine takes"
    eventually(lambda: shop.run(run)["lost_count"] == 1)
