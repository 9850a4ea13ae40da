"""One pass of the real worker or scheduler in the test's own process.

Shared code may not import the daemons, which need not be there where only a client is used: they are loaded
by their names when they are called for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from hourhand import registry

if TYPE_CHECKING:
    from hourhand.client import Client
    from hourhand.tasks import Task

_DRAIN = "hourhand_worker.inprocess:drain"
_FIRE_DUE = "hourhand_scheduler.inprocess:fire_due"


def drain(
    client: Client,
    tasks: Iterable[Task[..., Any]] | None = None,
    *,
    queues: Iterable[str] | None = None,
    timeout: float = 60.0,
) -> Counter[str]:
    """Run what is runnable, and what comes of it, until nothing is left.

    Gives how many attempts ended in which way. `tasks` are those to run (all that are defined or imported
    here), `queues` those to serve (every one), `timeout` is in seconds. A run that waits for its retry is
    not runnable yet.
    """
    known = registry.current() if tasks is None else registry.Registry(tasks)
    outcomes: Counter[str] = resolve_name(_DRAIN)(
        client.transport, client.settings, known, queues=queues or (), timeout=timeout
    )
    return outcomes


def fire_due(client: Client) -> None:
    """Let the scheduler fire every schedule that is due by the database's clock."""
    resolve_name(_FIRE_DUE)(client.transport, client.settings)
