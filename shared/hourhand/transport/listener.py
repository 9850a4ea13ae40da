"""Wake-up hints: LISTEN on a connection of its own, in a thread of its own.

Hints are never relied on. Each time it has connected, the listener sends itself one through another
connection. If that does not come back (a transaction pooler swallows them without an error), it says so once,
lets go of the connection, and looks again much later.
"""

import random
import selectors
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from threading import Thread
from uuid import uuid4

import psycopg
from psycopg.sql import SQL, Identifier

from hourhand import log
from hourhand.errors import Unavailable
from hourhand.transport.connections import Connection, Connections

HEARD_WITHIN = 5.0
LOOK_AGAIN_AFTER = 600.0
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 30.0


class PostgresListener:
    """See `hourhand.transport.Listener`. `notify` is also called for every channel once hints are known to
    arrive: some may have been missed before. Several hints that came together are one call."""

    def __init__(
        self,
        connections: Connections,
        channels: Sequence[str],
        notify: Callable[[str], None],
        *,
        heard_within: float = HEARD_WITHIN,
    ) -> None:
        self._connections = connections
        self._channels = tuple(channels)
        self._notify = notify
        self._heard_within = heard_within
        self._test = f"hourhand_test_{uuid4().hex}"
        self._working = False
        self._complained = False
        self._failures = 0
        # A selector waits for the database and for close() at once, so an idle listener costs nothing.
        self._closer, self._closed = socket.socketpair()
        self._thread = Thread(target=self._run, name="hourhand-listener", daemon=True)
        self._thread.start()

    @property
    def working(self) -> bool:
        return self._working

    def close(self) -> None:
        """Ends the thread. May be called more than once."""
        with suppress(OSError):
            self._closer.shutdown(socket.SHUT_RDWR)
        self._closer.close()
        self._thread.join(timeout=0.5)

    def _run(self) -> None:
        pause = 0.0
        with self._closed:
            while self._wait(pause):
                pause = self._session()

    def _wait(self, seconds: float | None, *sources: Connection) -> bool:
        """Waits until a source can be read, or for `seconds`; False means that close() was called."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._closed, selectors.EVENT_READ)
            for source in sources:
                selector.register(source, selectors.EVENT_READ)
            return all(key.fileobj is not self._closed for key, _ in selector.select(seconds))

    def _session(self) -> float:
        """Listens on one connection while it lasts; returns how many seconds to wait before the next."""
        try:
            with closing(self._connections.open(self._heard_within)) as connection:
                return self._listen(connection)
        except (psycopg.Error, Unavailable, OSError) as error:
            return self._pause_after(error)
        finally:
            self._working = False

    def _pause_after(self, error: Exception) -> float:
        self._failures += 1
        if self._failures > 1:
            # Whoever uses the database will warn that it is away.
            self._complain("INFO", f"the connection that listens fails ({type(error).__name__})")
        longest = min(FIRST_PAUSE * 2 ** min(self._failures, 10), LONGEST_PAUSE)
        # Not all listeners of a server that was restarted come back at once.
        return random.uniform(longest / 2, longest)  # noqa: S311

    def _listen(self, connection: Connection) -> float:
        self._subscribe(connection)
        deadline = time.monotonic() + self._heard_within
        while self._wait(None if self._working else self._heard_within, connection):
            self._deliver({hint.channel for hint in connection.notifies(timeout=0)})
            if not self._working and time.monotonic() > deadline:
                self._complain("WARNING", "one sent as a test did not arrive, as behind a transaction pooler")
                return LOOK_AGAIN_AFTER
        return 0.0

    def _subscribe(self, connection: Connection) -> None:
        for channel in (*self._channels, self._test):
            connection.execute(SQL("listen {}").format(Identifier(channel)))
        # Not through the same connection: a pooler may return to a session what that session sent.
        with self._connections.use(self._heard_within) as other:
            other.execute("select pg_notify(%s, '')", [self._test])

    def _deliver(self, heard: set[str]) -> None:
        if self._test in heard:
            self._succeed()
            heard = set(self._channels)
        for channel in heard:
            try:
                self._notify(channel)
            except Exception as error:  # noqa: BLE001 - whatever it is, later hints are still wanted
                log.event("hints.error", "ERROR", f"The hint {channel} was not taken: {error!r}")

    def _succeed(self) -> None:
        self._working, self._failures = True, 0
        if self._complained:
            log.event("hints.back", "INFO", "Wake-up hints arrive again")
        self._complained = False

    def _complain(self, level: str, why: str) -> None:
        if not self._complained:
            log.event("hints.lost", level, f"Wake-up hints do not arrive, polling goes on: {why}")
        self._complained = True
