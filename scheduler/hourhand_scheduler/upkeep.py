"""What a scheduler does besides firing, on a thread of its own: nothing here may delay an instant."""

from collections.abc import Callable
from time import monotonic
from typing import Any

from hourhand.alerts.watch import Watch
from hourhand.settings import Settings
from hourhand.transport import Transport
from hourhand.upkeep import HOUR, keep_up
from hourhand_scheduler.session import Session


class Upkeep:
    """Beats with the poll or more often; watches for alerts each minute.

    Makes partitions and deletes old history at the start and hourly.
    """

    def __init__(
        self,
        transport: Transport,
        settings: Settings,
        session: Session,
        stats: Callable[[], dict[str, Any]] = dict,
    ) -> None:
        self._transport = transport
        self._session = session
        self._stats = stats
        self._pause = settings.scheduler_poll.total_seconds()
        self._retention_days = settings.retention_days
        self._next_cleaning = monotonic()
        self._watch = Watch(transport, settings)

    def step(self) -> float:
        """Seconds until the next step. Raises the TransportErrors."""
        self._session.beat(self._stats())
        if monotonic() >= self._next_cleaning:
            keep_up(self._transport, self._retention_days)
            self._next_cleaning = monotonic() + HOUR
        return min(self._pause, self._watch.step())
