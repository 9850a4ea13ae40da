"""A worker runs what is enqueued, and says how it ended."""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from hourhand.run import Run
from hourhand.tasks import task
from hourhand_worker.worker import Worker

Columns = dict[str, Any]


class Feed(BaseModel):
    url: str
    limit: int = 50


def test_a_run_is_completed_with_what_its_task_returns(
    tasks: Any, enqueue: Callable[..., int], drain: Callable[..., Worker], run_of: Callable[[int], Columns]
):
    @task("fetch")
    def fetch(feed: Feed, run: Run) -> dict[str, Any]:
        return {"url": feed.url, "limit": feed.limit, "run": run.id}

    run = enqueue("fetch", {"url": "a"})
    worker = drain()
    ended = run_of(run)
    assert (ended["status"], ended["result"]) == ("completed", {"url": "a", "limit": 50, "run": run})
    assert worker.outcomes == {"completed": 1}


def test_an_async_task_runs_on_the_event_loop(
    tasks: Any, enqueue: Callable[..., int], drain: Callable[..., Worker], run_of: Callable[[int], Columns]
):
    import asyncio

    @task("wait")
    async def wait(n: int) -> int:
        async with asyncio.timeout(5):
            await asyncio.sleep(0.01)
        return n + 1

    runs = [enqueue("wait", {"n": n}) for n in range(12)]
    drain()
    assert [run_of(run)["result"] for run in runs] == list(range(1, 13))
