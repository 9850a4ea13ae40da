"""Sequences on real workers."""

import signal
from typing import Any

import pytest

from hourhand import Client, registry
from hourhand.errors import BadPayload
from hourhand.run import Run
from hourhand.tasks import task
from tests.support.waiting import eventually
from tests.worker.workshop import Workshop

SEQUENCE = "hourhand.sequence"


def steps(*names: str) -> dict[str, Any]:
    return {"steps": [{"task": name, "max_attempts": 1} for name in names]}


def test_a_sequence_runs_its_steps_in_order_and_sums_them_up(shop: Workshop):
    order: list[tuple[str, int]] = []

    @task("fetch")
    def fetch(limit: int, run: Run) -> None:
        order.append(("fetch", limit))

    @task("clean")
    async def clean(limit: int = 50) -> None:
        order.append(("clean", limit))

    payload = {"steps": [{"task": "fetch", "payload": {"limit": 3}}, {"task": "clean"}, {"task": "clean"}]}
    run = shop.enqueue(SEQUENCE, payload)
    worker = shop.drain()
    columns = shop.run(run)
    assert order == [("fetch", 3), ("clean", 50), ("clean", 50)]
    assert (columns["status"], columns["error"], columns["attempt"]) == ("completed", None, 1)
    result = columns["result"]
    assert (result["succeeded"], result["failed"]) == (3, 0)
    assert [(step["task"], step["status"], step["error"]) for step in result["steps"]] == [
        ("fetch", "completed", None),
        ("clean", "completed", None),
        ("clean", "completed", None),
    ]
    assert all(
        step["duration_ms"] >= 0 and shop.status(step["id"]) == "completed" for step in result["steps"]
    )
    assert not worker.failing
    assert columns["progress"] == {"done": 3, "total": 3}


def test_a_failed_step_stops_no_other_and_the_sequence_fails_with_its_summary(shop: Workshop):
    done = []

    @task("fetch")
    def fetch() -> None:
        done.append("fetch")

    @task("analyze-news")
    def analyze() -> None:
        raise ValueError("rate limit exceeded\nsee the manual")

    run = shop.enqueue(SEQUENCE, steps("fetch", "analyze-news", "fetch", "fetch", "fetch"))
    shop.drain()
    columns = shop.run(run)
    assert done == ["fetch"] * 4
    assert columns["status"] == "failed"
    assert columns["error"] == "1 of 5 steps failed: analyze-news: ValueError: rate limit exceeded"
    assert (columns["result"]["succeeded"], columns["result"]["failed"]) == (4, 1)
    assert columns["result"]["steps"][1]["error"] == "ValueError: rate limit exceeded\nsee the manual"


def test_a_step_is_tried_again_before_the_next_begins(shop: Workshop):
    order = []

    @task("flaky", max_attempts=2)
    def flaky(run: Run) -> None:
        order.append(f"flaky {run.attempt}")
        if run.attempt == 1:
            raise OSError

    @task("after")
    def after() -> None:
        order.append("after")

    run = shop.enqueue(SEQUENCE, {"steps": [{"task": "flaky", "max_attempts": 2}, {"task": "after"}]})
    with shop.working(worker_poll=200):
        eventually(lambda: shop.status(run) == "completed", 20)
    assert order == ["flaky 1", "flaky 2", "after"]


def test_a_sequence_takes_no_place_in_a_worker_while_its_step_runs(shop: Workshop):
    @task("step")
    def step() -> None: ...

    runs = [shop.enqueue(SEQUENCE, steps("step", "step")) for _ in range(5)]
    shop.drain(concurrency=1, prefetch=False)
    assert {shop.status(run) for run in runs} == {"completed"}


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"steps": []},
        {"steps": [{"payload": {}}]},
        {"steps": [{"task": ""}]},
        {"steps": [{"task": "t", "pauload": {}}]},
        {"steps": [{"task": "t", "priority": 101}]},
        {"steps": [{"task": "t", "timeout": 0}]},
        {"steps": [{"task": "t", "timeout": "soon"}]},
        {"steps": [{"task": "t", "max_attempts": 0}]},
        {"steps": [{"task": "t"}], "limit": 3},
    ],
)
def test_steps_that_make_no_sense_are_refused_by_client_and_worker(shop: Workshop, payload: dict[str, Any]):
    with Client(shop.url) as client, pytest.raises(BadPayload):
        client.enqueue(SEQUENCE, payload)
    run = shop.enqueue(SEQUENCE, payload, max_attempts=1)
    shop.drain()
    assert (shop.status(run), shop.run(run)["error"].split(":")[0]) == (
        "failed",
        "hourhand.errors.BadPayload",
    )


def test_it_is_a_task_of_every_worker_with_a_schema_but_of_no_module(shop: Workshop):
    shop.drain()
    known = next(each for each in shop.transport.call("list_tasks")["tasks"] if each["name"] == SEQUENCE)
    assert known["schema"]["required"] == ["steps"]
    assert SEQUENCE not in registry.current()


TASKS = """
import time
from pathlib import Path
from hourhand import task

@task("first")
def first(): Path("first").open("a").write("x")

@task("second")
def second(run):
    Path("second").open("a").write("x")
    if run.attempt == 1:
        time.sleep(600)

@task("third")
def third(): Path("third").open("a").write("x")
"""


@pytest.mark.slow
def test_a_sequence_goes_on_where_it_was_when_its_worker_is_killed(shop: Workshop):
    run = shop.enqueue(SEQUENCE, {"steps": [{"task": name} for name in ("first", "second", "third")]})
    quick = {"HOURHAND_LEASE_SECONDS": "2", "JOB_WORKER_POLL_MS": "200"}
    victim = shop.spawn(TASKS, **quick)
    eventually(lambda: (shop.directory / "second").exists(), 30)
    victim.signal(signal.SIGKILL)
    victim.wait()
    shop.spawn(TASKS, **quick)
    eventually(lambda: shop.status(run) == "completed", 60)
    wrote = {name: (shop.directory / name).read_text() for name in ("first", "second", "third")}
    assert wrote == {"first": "x", "second": "xx", "third": "x"}
    assert shop.run(run)["result"]["succeeded"] == 3
