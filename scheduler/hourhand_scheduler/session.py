"""The session of a scheduler: one row in `services`, so that others see it alive."""

import os
import socket
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import version
from typing import Any, Self

from hourhand import migrate
from hourhand.errors import HourhandError
from hourhand.settings import Settings
from hourhand.transport import Transport
from hourhand_scheduler.journal import Journal


def lease(settings: Settings) -> float:
    """Seconds: a scheduler that misses one beat is not lost yet."""
    return max(settings.lease, 3 * settings.scheduler_poll).total_seconds()


class Session:
    """Nothing that is fired depends on its lease (seconds): a lost session is simply followed by another.

    `id` is empty until it is open. `tasks` are definitions for the table `tasks`.
    """

    def __init__(
        self,
        transport: Transport,
        journal: Journal,
        lease: float,
        *,
        kind: str = "scheduler",
        tasks: Sequence[dict[str, Any]] = (),
    ) -> None:
        self._transport = transport
        self._journal = journal
        self._lease = lease
        self._kind = kind
        self._tasks = list(tasks)
        self._is_over = False
        self.id = ""

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> None:
        """Raises ContractMismatch when this version cannot work with the schema, and the TransportErrors."""
        migrate.check(self._transport)
        self._open()

    def beat(self, stats: Mapping[str, Any] | None = None) -> None:
        """`stats` are told to whoever looks at `services`. Raises the TransportErrors."""
        answer = self._transport.call(
            "beat", {"p_session": self.id, "p_lease": self._lease, "p_stats": dict(stats or {})}
        )
        if self._is_over:
            return  # A beat that was under way at the end opens no other session.
        if answer["lost"]:
            self._journal.lost(self.id)
            self._open()
        else:
            self._journal.beat()

    def close(self) -> None:
        self._is_over = True
        if not self.id:
            return
        with suppress(HourhandError):  # Then its lease ends by itself.
            self._transport.call("release", {"p_session": self.id, "p_close": True}, retry=False)
            self._journal.closed()

    def _open(self) -> None:
        session = str(uuid.uuid4())
        self._transport.call(
            "open_session",
            {
                "p_session": session,
                "p_kind": self._kind,
                "p_name": socket.gethostname(),
                "p_host": socket.gethostname(),
                "p_pid": os.getpid(),
                "p_version": version("hourhand"),
                "p_lease": self._lease,
                "p_tasks": self._tasks,
            },
        )
        self.id = self._journal.session = session
        self._journal.opened()
