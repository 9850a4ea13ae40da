"""A run in the foreground: recorded like any other, and run by a worker in this process."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any

from hourhand import log
from hourhand_worker.foreground import run_now

if TYPE_CHECKING:
    from hourhand.client import Client
    from hourhand.records import RunRecord
    from hourhand.registry import Registry
    from hourhand.settings import Settings


def run_here(client: Client, tasks: Registry, name: str, payload: Any) -> RunRecord:
    """One attempt, now; what the task writes and logs goes to stderr. INT and TERM cancel the run.

    Raises BadPayload, the TransportErrors, KeyboardInterrupt.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with _logging_to_stderr(client.settings):
        run_id = run_now(client.settings, tasks, client.transport, name, payload)
    return client.runs.get(run_id)


@contextmanager
def _logging_to_stderr(settings: Settings) -> Iterator[None]:
    """stdout is kept for the result."""
    with redirect_stdout(sys.stderr):
        log.configure(settings, "worker", "run-now")
        try:
            yield
        finally:
            log.close()
