"""The session of a scheduler: one row in `services`, so that others see it alive."""

import os
import socket
from importlib.metadata import version
from threading import Lock
from uuid import UUID, uuid4

from hourhand.log import event
from hourhand.transport import Transport


class Session:
    """Nothing that is fired depends on its lease; a lost one is simply opened anew."""

    def __init__(self, transport: Transport, lease: float) -> None:
        self._transport = transport
        self._lease = lease
        self._lock = Lock()
        self.id = uuid4()

    def open(self) -> None:
        """Raises the TransportErrors."""
        self._transport.call(
            "open_session",
            {
                "p_session": self.id,
                "p_kind": "scheduler",
                "p_name": "scheduler",
                "p_host": socket.gethostname(),
                "p_pid": os.getpid(),
                "p_version": version("hourhand"),
                "p_lease": self._lease,
                "p_tasks": [],
            },
        )
        event("session.opened", session=str(self.id))

    def beat(self) -> None:
        answer = self._transport.call(
            "beat", {"p_session": self.id, "p_held": [], "p_lease": self._lease, "p_stats": {}}
        )
        if answer["lost"]:
            self.renew(self.id)

    def renew(self, lost: UUID) -> None:
        """Opens another session in place of `lost`, once, whoever noticed it first."""
        with self._lock:
            if self.id != lost:
                return
            event("session.lost", "WARNING", session=str(lost))
            self.id = uuid4()
            self.open()

    def close(self) -> None:
        self._transport.call("release", {"p_session": self.id, "p_runs": [], "p_close": True})
        event("session.closed", session=str(self.id))
