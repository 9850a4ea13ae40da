"""Messages between a worker and the processes in which it runs tasks: lines of JSON over a socket.

Nothing is ever unpickled: what a task returns can't run code in the worker.
"""

import json
from contextlib import suppress
from socket import SHUT_RDWR, socket
from threading import Lock
from typing import Any

Message = dict[str, Any]

MOST_BYTES = 4_000_000
"""Of one message; everything that is sent is bounded far below."""


class Wire:
    """`send` from any thread, `receive` in one. Both raise OSError when the other side is gone."""

    def __init__(self, end: socket) -> None:
        self._socket = end
        self._lock = Lock()
        self._begun = b""  # a message that is not here completely

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, **message: object) -> None:
        line = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            self._socket.sendall(line)

    def receive(self) -> list[Message]:
        """Those that have come; waits for something to come. Raises ValueError for what is no message."""
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionResetError("the other side has closed the connection")
        *lines, self._begun = (self._begun + data).split(b"\n")
        if len(self._begun) > MOST_BYTES:
            raise ValueError("a message is too long")
        return [_message(line) for line in lines]

    def shut(self) -> None:
        """The other side hears that nothing more will come."""
        with suppress(OSError):
            self._socket.shutdown(SHUT_RDWR)

    def close(self) -> None:
        self._socket.close()


def _message(line: bytes) -> Message:
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("not a message")  # noqa: TRY004
    return message
