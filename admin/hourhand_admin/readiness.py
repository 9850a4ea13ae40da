"""Notices when the daemons work: when each has an open session in the database."""

import time
from collections.abc import Callable, Sequence

from hourhand.errors import HourhandError
from hourhand.transport import Transport
from hourhand_admin.services import Daemon

PATIENCE = 30.0  # seconds after which those that have none are named
_LOOK_EVERY = 0.2
_NEVER_AGAIN = float("inf")


class Readiness:
    """A chore of the supervisor: calls `tell` once, with the names of the daemons that do not work yet."""

    def __init__(
        self, transport: Transport, daemons: Sequence[Daemon], tell: Callable[[Sequence[str]], None]
    ) -> None:
        self._transport = transport
        self._daemons = daemons
        self._tell = tell
        self._deadline = time.monotonic() + PATIENCE
        self._next = time.monotonic()

    def __call__(self) -> float:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _LOOK_EVERY
            silent = self._silent()
            if not silent or now > self._deadline:
                self._next = _NEVER_AGAIN
                self._tell(silent)
        return self._next - now

    def _silent(self) -> list[str]:
        try:
            services = self._transport.call("get_status", retry=False)["services"]
        except HourhandError:
            services = []
        alive = {service["pid"] for service in services if service["state"] == "alive"}
        return [daemon.name for daemon in self._daemons if daemon.pid not in alive]
