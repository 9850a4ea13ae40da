"""One run in this process, recorded as any other: `hourhand run now`."""

import uuid
from collections.abc import Callable
from typing import Any

from hourhand.payloads import make_job
from hourhand.registry import Registry
from hourhand.settings import Settings
from hourhand.transport import Transport
from hourhand_worker.attempt import Attempt, Result
from hourhand_worker.worker import Worker


def run_now(
    settings: Settings,
    registry: Registry,
    transport: Transport,
    task: str,
    payload: Any = None,
    *,
    ended: Callable[[Attempt, Result], None] | None = None,
) -> int:
    """Run a task once, with no other attempt, and wait for its end; the id of the run.

    Raises UnknownTask, BadPayload and the TransportErrors.
    """
    # A queue that only this worker serves.
    queue = f"now-{uuid.uuid4().hex}"
    job = make_job(registry.get(task), payload, {"queue": queue, "max_attempts": 1, "key": queue})
    asked = {f"p_{name}": value for name, value in job.items()}
    try:
        run: int = transport.call("enqueue", asked)["id"]
    except KeyboardInterrupt:
        _give_up(transport, transport.call("enqueue", asked)["id"])  # the key finds what may be there
        raise
    try:
        Worker(settings, registry, transport, kind="cli", name="run now", queues=[queue], ended=ended).drain()
    finally:
        _give_up(transport, run)
    return run


def _give_up(transport: Transport, run: int) -> None:
    """Nobody else would ever run it. One that is over is left as it is."""
    told = transport.call("cancel_run", {"p_run_id": run, "p_reason": "interrupted"})
    if told["outcome"] == "requested":  # of a claim whose answer was interrupted
        transport.call("rescue")
