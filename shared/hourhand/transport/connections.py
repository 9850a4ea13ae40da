"""Connections of one process: each is used by one call at a time, and kept for the next."""

import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

from hourhand.errors import Unavailable
from hourhand.transport import statements
from hourhand.transport.address import Address

KEPT = 8

T = TypeVar("T")


class Connection(psycopg.Connection[TupleRow]):
    """A connection that does not wait for ever: a pooler can outlive the server behind it."""

    limit: float | None = None
    """For how many seconds a statement is waited for."""

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        return super().wait(gen, interval, self.limit if timeout is None else timeout)


class Connections:
    """Opens connections as they are needed and keeps a few idle ones, the latest used first."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._idle: deque[Connection] = deque()
        self._closed = False
        self._pid = os.getpid()

    @contextmanager
    def use(self, limit: float | None) -> Iterator[Connection]:
        """A connection for one statement, which is waited for at most `limit` seconds.

        Raises psycopg.Error when none can be opened, Unavailable after close().
        """
        connection = self._take(limit)
        try:
            yield connection
        finally:
            self._give(connection)

    def close(self) -> None:
        """Closes the idle connections now, and those in use when they come back."""
        self._closed = True
        self._close_idle()

    def open(self, limit: float | None) -> Connection:
        """A connection that is not kept."""
        connection = Connection.connect(
            self.address.conninfo, autocommit=True, prepare_threshold=None, context=statements.ADAPTATION
        )
        connection.limit = limit
        return connection

    def _take(self, limit: float | None) -> Connection:
        if self._pid != os.getpid():
            self._leave_to_parent()
        if self._closed:
            raise Unavailable(f"{self.address.where}: the transport has been closed")
        try:
            connection = self._idle.pop()
        except IndexError:
            return self.open(limit)
        connection.limit = limit
        return connection

    def _give(self, connection: Connection) -> None:
        if connection.closed:
            # The server went away: the others are as dead, and each would cost a failed attempt.
            self._close_idle()
        elif connection.info.transaction_status is TransactionStatus.IDLE and len(self._idle) < KEPT:
            self._idle.append(connection)
        else:
            connection.close()
        if self._closed:
            self._close_idle()

    def _close_idle(self) -> None:
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread took the last one
                return
            connection.close()

    def _leave_to_parent(self) -> None:
        """Lets go of what a fork has copied, without a word to the server: the sessions are the parent's."""
        idle, self._idle, self._pid = self._idle, deque(), os.getpid()
        with open(os.devnull, "rb") as nothing:
            for connection in idle:
                os.dup2(nothing.fileno(), connection.fileno())
                connection.close()
