"""Ends and log lines are written many in one call, soon, and not too many."""

import asyncio
import threading
import time
from collections.abc import Mapping
from typing import Any

from hourhand.run import Run
from hourhand.tasks import task
from hourhand.transport.postgres import PostgresTransport
from hourhand_worker.worker import Worker
from tests.support import eventually
from tests.worker.workshop import Workshop


class Counting(PostgresTransport):
    """Knows of each call when it began and what it said."""

    def __init__(self, url: str) -> None:
        super().__init__(url, application_name="hourhand-worker", patience=5.0)
        self._calls: list[tuple[str, float, Any]] = []

    def call(self, function: str, params: Mapping[str, object] | None = None, *, retry: bool = True) -> Any:
        self._calls.append((function, time.monotonic(), params))
        return super().call(function, params, retry=retry)

    def said(self, function: str) -> list[Any]:
        return [params for name, _, params in self._calls if name == function]

    @property
    def finishes(self) -> list[tuple[float, int]]:
        """When each began, and how many results it had."""
        return [(at, len(params["p_results"]["id"])) for name, at, params in self._calls if name == "finish"]


def test_a_call_has_no_more_results_than_it_may(shop: Workshop):
    most = 600
    begun: list[int] = []
    all_begun = asyncio.Event()

    @task("together")
    async def together() -> None:
        begun.append(1)
        if len(begun) == most:
            all_begun.set()
        await all_begun.wait()

    shop.transport.call("enqueue_many", {"p_jobs": [{"task": "together"}] * most})
    transport = Counting(shop.url)
    Worker(shop.settings(concurrency=1000, worker_batch=1000, lease=60), shop.tasks, transport).drain()
    transport.close()
    sizes = [size for _, size in transport.finishes]
    assert sum(sizes) == most
    assert max(sizes) == 500


def test_ends_wait_for_each_other_while_something_runs_but_not_for_long(shop: Workshop):
    done = threading.Event()
    ended: list[float] = []

    @task("long")
    def long() -> None:
        done.wait(30)

    @task("quick")
    async def quick(n: int) -> None:
        await asyncio.sleep(0.3 + n / 250)
        ended.append(time.monotonic())

    transport = Counting(shop.url)
    worker = Worker(shop.settings(concurrency=20, worker_batch=20, lease=60), shop.tasks, transport)
    shop.enqueue("long")
    runs = [shop.enqueue("quick", {"n": n}) for n in range(10)]
    thread = threading.Thread(target=worker.run)
    thread.start()
    eventually(lambda: {shop.status(run) for run in runs} == {"completed"})
    calls = list(transport.finishes)
    done.set()
    worker.stop()
    thread.join(20)
    transport.close()
    assert sum(size for _, size in calls) == 10
    assert len(calls) <= 5
    # The window, and what a busy machine takes.
    assert 0.04 < calls[0][0] - ended[0] < 0.05 + 0.5


def test_the_lines_of_a_run_are_written_together_and_of_its_progress_only_the_latest(shop: Workshop):
    @task("chatty")
    def chatty(run: Run) -> None:
        for n in range(1200):
            run.log.info("line {}", n)
            run.progress(n, 1200)

    run = shop.enqueue("chatty")
    transport = Counting(shop.url)
    Worker(shop.settings(), shop.tasks, transport).drain()
    transport.close()
    sizes = [len(params["p_logs"]) for params in transport.said("append_logs")]
    assert sum(sizes) == 1200
    assert max(sizes) <= 500
    assert len(sizes) < 20
    assert len(transport.said("set_progress")) < 10
    assert shop.run(run)["progress"] == {"done": 1199, "total": 1200}
    assert shop.transport.query("select count(*), max(seq) from hourhand.job_run_logs") == [(1200, 1200)]
