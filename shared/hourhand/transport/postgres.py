"""Direct Postgres through psycopg 3: one statement a call, no session state, so any pooler will do."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from hourhand.errors import Unavailable
from hourhand.transport import failures, values
from hourhand.transport.protocol import Listener

Connection = psycopg.Connection[TupleRow]


class PostgresTransport:
    name = "postgres"

    def __init__(
        self, url: str, *, application_name: str, patience: float = 30.0, hints: bool = True
    ) -> None:
        self._conninfo = make_conninfo(url, application_name=application_name)
        shown = conninfo_to_dict(self._conninfo)
        self.where = f"postgres at {shown.get('host')}:{shown.get('port')}/{shown.get('dbname')}"
        self._idle: deque[Connection] = deque()

    def call(self, function: str, params: Mapping[str, object] | None = None, *, retry: bool = True) -> Any:
        query, arguments = values.statement(function, params or {})
        with self._connection() as connection:
            row = connection.execute(query, arguments).fetchone()
        return row[0] if row else None

    def execute(self, script: str) -> None:
        """Runs SQL text of any number of statements as one transaction."""
        with self._connection() as connection:
            connection.execute(script.encode())

    def query(self, query: str) -> list[TupleRow]:
        with self._connection() as connection:
            return connection.execute(query.encode()).fetchall()

    def listen(self, channels: Sequence[str], notify: Callable[[str], None]) -> Listener | None:
        return None

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        connection = self._idle.pop() if self._idle else self._connect()
        try:
            yield connection
        except psycopg.Error as error:
            raise failures.from_server(error, self.where) from error
        finally:
            if not connection.closed:
                self._idle.append(connection)

    def _connect(self) -> Connection:
        try:
            return psycopg.connect(
                self._conninfo, autocommit=True, prepare_threshold=None, context=values.ADAPTATION
            )
        except psycopg.Error as error:
            raise Unavailable(f"{self.where}: {error}") from error
