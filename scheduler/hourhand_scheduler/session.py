"""The session of a scheduler: one row in `services`, so that others see it alive."""

import os
import socket
import uuid
from importlib.metadata import version

from hourhand.transport import Transport
from hourhand_scheduler.journal import Journal


class Session:
    """Nothing that is fired depends on its lease (seconds): a lost session is simply followed by another.

    `id` is empty until it is open.
    """

    def __init__(self, transport: Transport, journal: Journal, lease: float) -> None:
        self._transport = transport
        self._journal = journal
        self._lease = lease
        self.id = ""

    def open(self) -> None:
        """Raises the TransportErrors."""
        session = str(uuid.uuid4())
        self._transport.call(
            "open_session",
            {
                "p_session": session,
                "p_kind": "scheduler",
                "p_name": socket.gethostname(),
                "p_host": socket.gethostname(),
                "p_pid": os.getpid(),
                "p_version": version("hourhand"),
                "p_lease": self._lease,
            },
        )
        self.id = self._journal.session = session
        self._journal.opened()

    def beat(self) -> None:
        """Raises the TransportErrors."""
        answer = self._transport.call("beat", {"p_session": self.id, "p_lease": self._lease})
        if answer["lost"]:
            self._journal.lost(self.id)
            self.open()
        else:
            self._journal.beat()

    def close(self) -> None:
        """Raises the TransportErrors."""
        self._transport.call("release", {"p_session": self.id, "p_close": True}, retry=False)
        self._journal.closed()
