"""Why nobody fires a schedule, or takes a run: what is missing, when it can be told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hourhand.check import NAME
from hourhand_admin.health import Finding

if TYPE_CHECKING:
    from hourhand.client import Client

Service = Mapping[str, Any]


def to_firing(client: Client) -> Finding | None:
    if _alive(client, "scheduler"):
        return None
    return Finding(
        "pipeline-fire",
        "down",
        "the schedule of the test was not fired: no scheduler is alive",
        "Start one: hourhand scheduler",
    )


def to_claiming(client: Client, queue: str) -> Finding | None:
    for why, fix in _to_claiming(client, queue):
        return Finding("pipeline-claim", "down", f"the run of the test was not taken: {why}", fix)
    return None


def _to_claiming(client: Client, queue: str) -> Iterator[tuple[str, str]]:
    """Each reason with what to try, the most certain first."""
    workers = _alive(client, "worker")
    if not workers:
        yield "no worker is alive", "Start one: hourhand worker --tasks MODULE"
        return
    if not any(NAME in worker["tasks"] for worker in workers):
        yield (
            f"no worker that is alive knows {NAME} ({_versions(workers)})",
            "It comes with this version of hourhand: restart the workers with it.",
        )
    yield from _closed(client, queue)
    if not any(_takes_from(worker, queue) for worker in workers):
        served = sorted({name for worker in workers for name in worker["stats"]["queues"]})
        yield (
            f"no worker that is alive takes from queue {queue}; they take from {', '.join(served)}",
            f"Name it in HOURHAND_QUEUES of a worker, or test another: --queue {served[0]}",
        )


def _closed(client: Client, queue: str) -> Iterator[tuple[str, str]]:
    for each in client.call("list_queues")["queues"]:
        if each["name"] != queue:
            continue
        if each["paused_at"] is not None:
            yield f"queue {queue} is paused", f"Open it: hourhand queue resume {queue}"
        limit = each["concurrency"]
        if limit is not None and each["processing"] >= limit:
            yield (
                f"queue {queue} is full, {limit} of its runs are processing and no more are allowed",
                f"Wait, or allow more: hourhand queue limit {queue} --concurrency N",
            )


def _alive(client: Client, kind: str) -> list[Service]:
    services: list[Service] = client.call("list_workers")["services"]
    return [each for each in services if each["kind"] == kind and each["state"] == "alive"]


def _versions(workers: list[Service]) -> str:
    return ", ".join(sorted({f"{worker['name']} is {worker['version']}" for worker in workers}))


def _takes_from(worker: Service, queue: str) -> bool:
    """A worker says which queues it takes from when it beats first; none is every queue."""
    served = worker["stats"].get("queues")
    return not served or queue in served
