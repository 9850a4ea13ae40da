"""A worker in somebody else's process, which ends when nothing is runnable. Found by its name: see
`hourhand.testing`."""

from collections import Counter
from collections.abc import Iterable

from hourhand.registry import Registry
from hourhand.settings import Settings
from hourhand.transport import Transport
from hourhand_worker.worker import Worker


def drain(
    transport: Transport,
    settings: Settings,
    tasks: Registry,
    *,
    queues: Iterable[str] = (),
    timeout: float | None = None,
) -> Counter[str]:
    """Run what is runnable, and what comes of it, for at most `timeout` seconds.

    Gives how many attempts ended in which way: completed, failed, cancelled, retry, snooze. Without `queues`
    every one is served. Raises the TransportErrors.
    """
    worker = Worker(settings, tasks, transport, name="drain", queues=tuple(queues))
    worker.drain(timeout)
    return worker.outcomes
