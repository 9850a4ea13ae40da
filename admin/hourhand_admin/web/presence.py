"""The session of the admin: one row in `services`, so that others see it alive."""

import os
import socket
import uuid
from contextlib import suppress
from importlib.metadata import version
from threading import Thread

from hourhand import log, migrate, supervision
from hourhand.errors import HourhandError
from hourhand.loop import Loop
from hourhand.settings import Settings
from hourhand.transport import Transport


class Presence:
    """Opens the session and beats, on a thread of its own. A database that is away is waited for."""

    def __init__(self, settings: Settings, transport: Transport) -> None:
        self._transport = transport
        self._lease = settings.lease.total_seconds()
        self._session = ""
        self._loop = Loop(self._step, name="heartbeat")
        self._thread = Thread(target=self._loop.run, name="hourhand-presence", daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> None:
        supervision.stopping()
        self._loop.stop()
        self._thread.join(2.0)
        if self._session:
            with suppress(HourhandError):  # then its lease ends by itself
                self._transport.call("release", {"p_session": self._session, "p_close": True}, retry=False)
                log.event("session.closed", session=self._session)

    def _step(self) -> float:
        if self._session:
            self._beat()
        else:
            migrate.check(self._transport)
            self._open()
            supervision.ready(self._lease / 3)
        supervision.alive()
        return self._lease / 3

    def _beat(self) -> None:
        answer = self._transport.call("beat", {"p_session": self._session, "p_lease": self._lease})
        if answer["lost"]:
            told = "its lease has ended; opening another session"
            log.event("session.lost", "WARNING", told, session=self._session)
            self._open()
        else:
            log.event("session.beat", session=self._session)

    def _open(self) -> None:
        session = str(uuid.uuid4())
        self._transport.call(
            "open_session",
            {
                "p_session": session,
                "p_kind": "admin",
                "p_name": socket.gethostname(),
                "p_host": socket.gethostname(),
                "p_pid": os.getpid(),
                "p_version": version("hourhand"),
                "p_lease": self._lease,
            },
        )
        self._session = session
        log.event("session.opened", session=session)
