"""A run in the foreground: recorded like any other, and run by a worker in this process."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any

from hourhand import log, registry
from hourhand_worker.worker import Until, Worker

if TYPE_CHECKING:
    from hourhand.client import Client
    from hourhand.records import RunRecord
    from hourhand.settings import Settings
    from hourhand.tasks import Task

_INTERRUPTED = "interrupted in the foreground"


def run_here(client: Client, task: Task[..., Any], payload: Any) -> RunRecord:
    """One attempt, now. The run goes through a queue of its own, so that no other worker takes it.

    What the task writes, and what it logs, goes to stderr. Raises BadPayload and the TransportErrors.
    """
    queue = f"now-{uuid.uuid4().hex[:12]}"
    handle = client.enqueue(task, payload, queue=queue, max_attempts=1)
    try:
        with _logging_to_stderr(client.settings):
            Worker(
                client.settings,
                registry.Registry([task]),
                client.transport,
                kind="cli",
                name="run-now",
                queues=[queue],
            ).run(Until(drain=True))
    finally:
        run = handle.run()
        if not run.ended:  # nobody else serves its queue
            handle.cancel(_INTERRUPTED)
    return handle.run()


@contextmanager
def _logging_to_stderr(settings: Settings) -> Iterator[None]:
    """stdout is kept for the result."""
    with redirect_stdout(sys.stderr):
        log.configure(settings, "worker", "run-now")
        try:
            yield
        finally:
            log.close()
