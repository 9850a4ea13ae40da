"""Direct Postgres through psycopg 3: one statement a call, no session state, so any pooler will do."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Event
from typing import Any

import psycopg
from psycopg.rows import TupleRow

from hourhand.errors import Denied, TransportError
from hourhand.transport import address, failures, statements, values
from hourhand.transport.connections import Connection, Connections
from hourhand.transport.listener import PostgresListener
from hourhand.transport.retries import retrying

ANSWER_WITHIN = 60.0


class PostgresTransport:
    """See `hourhand.transport.Transport`.

    `patience` is for how many seconds a call repeats what failed for a passing reason; `hints` whether
    `listen` listens; `answer_within` for how many seconds one attempt waits for its answer.
    """

    name = "postgres"

    def __init__(
        self,
        url: str,
        *,
        application_name: str,
        patience: float = 30.0,
        hints: bool = True,
        answer_within: float = ANSWER_WITHIN,
    ) -> None:
        # libpq takes less than 2 seconds for 2.
        connect_timeout = round(min(max(patience, 2), 10))
        self._address = address.parse(url, application_name=application_name, connect_timeout=connect_timeout)
        self._connections = Connections(self._address)
        self._closing = Event()
        self._retrying = retrying(patience, self._closing)
        self._hints = hints
        self._listeners: list[PostgresListener] = []
        self._answer_within = answer_within

    @property
    def where(self) -> str:
        """The database, for messages: without the password."""
        return self._address.where

    def call(self, function: str, params: Mapping[str, object] | None = None, *, retry: bool = True) -> Any:
        query, arguments = statements.statement(function, params or {})
        if not retry:
            return self._call(function, query, arguments)
        return self._retrying(self._call, function, query, arguments)

    def execute(self, script: str) -> tuple[str, ...]:
        """Runs SQL of any number of statements as one transaction, however long it takes; returns the
        warnings of the server.

        It is repeated after a transient failure, so it must be safe to repeat.
        """
        return self._retrying(self._execute, script)

    def query(self, query: str) -> list[TupleRow]:
        """The rows of one statement that changes nothing."""
        return self._retrying(self._query, query)

    def copy_runs(self, columns: Sequence[str], lines: Iterable[bytes]) -> int:
        """See `hourhand.transport.protocol.Copying`."""
        values.check_names("job_runs", *columns)
        statement = f"copy hourhand.job_runs ({', '.join(columns)}) from stdin".encode()
        with self._connection("copy", self._answer_within) as connection, connection.cursor() as cursor:
            try:
                with cursor.copy(statement) as copy:
                    for each in lines:
                        copy.write(each)
            except psycopg.errors.FeatureNotSupported as error:
                raise Denied(
                    f"{self.where}: {error.diag.message_primary}",
                    "Use enqueue_many, or connect as the owner of the schema hourhand.",
                    sqlstate=error.sqlstate,
                ) from error
            return cursor.rowcount

    def listen(self, channels: Sequence[str], notify: Callable[[str], None]) -> PostgresListener | None:
        if not self._hints:
            return None
        listener = PostgresListener(self._connections, channels, notify)
        self._listeners.append(listener)
        return listener

    def close(self) -> None:
        self._closing.set()
        for listener in self._listeners:
            listener.close()
        self._connections.close()

    def _call(self, function: str, query: bytes, arguments: Sequence[object]) -> Any:
        with self._connection(function, self._answer_within) as connection:
            row = connection.execute(query, arguments).fetchone()
        return row[0] if row else None

    def _execute(self, script: str) -> tuple[str, ...]:
        warnings: list[str] = []

        def keep(notice: psycopg.errors.Diagnostic) -> None:
            if notice.severity_nonlocalized == "WARNING":
                warnings.append(notice.message_primary or "")

        with self._connection("script", None) as connection:
            connection.add_notice_handler(keep)
            try:
                connection.execute(script.encode())
            finally:
                connection.remove_notice_handler(keep)
        return tuple(warnings)

    def _query(self, query: str) -> list[TupleRow]:
        with self._connection("query", self._answer_within) as connection:
            return connection.execute(query.encode()).fetchall()

    @contextmanager
    def _connection(self, doing: str, limit: float | None) -> Iterator[Connection]:
        try:
            with self._connections.use(limit) as connection:
                yield connection
        except psycopg.Error as error:
            raise failures.translated(error, self._address, doing) from error
        except ValueError as error:
            raise TransportError(f"{self.where}: {doing}: the answer cannot be decoded: {error}") from error
