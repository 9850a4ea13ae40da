"""A network between client and server that fails on demand."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from psycopg.conninfo import conninfo_to_dict

HINT = b"A"  # NotificationResponse


class Proxy:
    """Passes bytes on to a Postgres server, over TCP in front, until it is told to misbehave."""

    def __init__(self, url: str, host: str = "127.0.0.1") -> None:
        self._server = conninfo_to_dict(url)
        self._front = socket.create_server((host, 0))
        port = self._front.getsockname()[1]
        path = urlsplit(url).path
        # Plain and framed from the first byte on.
        self.url = f"postgresql://postgres@{host}:{port}{path}?sslmode=disable&gssencmode=disable"
        self.without_hints = False
        """Whether hints are swallowed, as by a transaction pooler."""
        self.refusing = False
        """Whether new connections are ended at once."""
        self.accepted = 0
        self._sockets: list[socket.socket] = []
        self._losing = self._hanging = False
        self._flows = threading.Event()
        self._flows.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def lose_next_answer(self) -> None:
        """The next answer is not passed on; the connection breaks instead."""
        self._losing = True

    def hang_on_next_answer(self) -> None:
        """The next answer is not passed on, nor anything after it; the connection stays open."""
        self._hanging = True

    def stand_still(self) -> None:
        """From now on nothing is passed on, by connections that are made later either; none of them breaks."""
        self._flows.clear()

    def flow(self) -> None:
        """What stood still arrives, and goes on."""
        self._flows.set()

    def break_connections(self) -> None:
        while self._sockets:
            _hang_up(self._sockets.pop())

    def close(self) -> None:
        self._front.close()
        self.break_connections()
        self.flow()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._front.accept()
            except OSError:
                return
            self.accepted += 1
            if self.refusing:
                client.close()
                continue
            try:
                server = self._connect()
            except OSError:  # it is away itself
                client.close()
                continue
            self._sockets += [client, server]
            if self.refusing:  # since this one was accepted
                self.break_connections()
                continue
            threading.Thread(target=self._ask, args=(client, server), daemon=True).start()
            threading.Thread(target=self._answer, args=(server, client), daemon=True).start()

    def _connect(self) -> socket.socket:
        host, port = str(self._server["host"]), int(self._server.get("port") or 5432)
        if not host.startswith("/"):
            return socket.create_connection((host, port))
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(f"{host}/.s.PGSQL.{port}")
        except OSError:
            server.close()
            raise
        return server

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                self._flows.wait()
                server.sendall(data)
        _hang_up(server)

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        hanging = False
        for message in _messages(server):
            self._flows.wait()
            if self._losing:
                self._losing = False
                break
            if self._hanging:
                self._hanging, hanging = False, True
            if hanging or (self.without_hints and message.startswith(HINT)):
                continue
            with suppress(OSError):
                client.sendall(message)
        _hang_up(client)
        _hang_up(server)


def _messages(server: socket.socket) -> Iterator[bytes]:
    """The messages of a server: a type byte, then a length that counts itself."""
    buffer = b""
    with suppress(OSError):
        while data := server.recv(65536):
            buffer += data
            while len(buffer) >= 5 and len(buffer) > (length := int.from_bytes(buffer[1:5])):
                yield buffer[: length + 1]
                buffer = buffer[length + 1 :]


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


@contextmanager
def proxy(url: str, host: str = "127.0.0.1") -> Iterator[Proxy]:
    it = Proxy(url, host)
    try:
        yield it
    finally:
        it.close()
