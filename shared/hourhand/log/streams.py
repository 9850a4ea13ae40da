"""The two standard streams, which cannot stop the program."""

from __future__ import annotations

import io
import os
from contextlib import suppress
from threading import RLock
from typing import TextIO


class Stream:
    """stdout or stderr; None where a process has none. Once its reader has gone it is given up."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._lock = RLock()
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # what the terminal cannot show

    def write(self, text: str) -> None:
        with self._lock:
            if self._stream is None:
                return
            try:
                self._stream.write(text)
                self._stream.flush()
            except RuntimeError:
                pass  # from within the writing of another line, as when a destructor logs
            except (OSError, ValueError):
                _silence(self._stream)
                self._stream = None

    def unlock(self) -> None:
        """In a process that was forked: a thread that wrote at that moment is not there to let go."""
        self._lock = RLock()


def _silence(stream: TextIO) -> None:
    """Point a broken stream at nothing, so that a task that prints does not fail either."""
    with suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())
        os.close(nothing)
