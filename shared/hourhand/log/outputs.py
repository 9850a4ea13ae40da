"""Where lines go: the two standard streams and a file, none of which can stop the program."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from typing import TextIO

from hourhand.log.files import LogFile
from hourhand.log.lines import Form, Line
from hourhand.sanitise import sanitise

_WARNING = 30


class Stream:
    """stdout or stderr. Once its reader has gone it is given up."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._gone = False

    def write(self, text: str) -> None:
        stream: TextIO | None = getattr(sys, self._name)
        if stream is None or self._gone:
            return
        try:
            self._write(stream, text)
        except (OSError, ValueError):
            self._gone = True
            _silence(stream)

    def _write(self, stream: TextIO, text: str) -> None:
        encoding = stream.encoding or "utf-8"
        try:
            text.encode(encoding)
        except UnicodeEncodeError:
            text = text.encode(encoding, "backslashreplace").decode(encoding)
        stream.write(text)
        stream.flush()


def _silence(stream: TextIO) -> None:
    """Point a broken stream at nothing, so that a task that prints does not fail either."""
    with suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())
        os.close(nothing)


class Output:
    """All outputs of one process, in one form."""

    def __init__(self, form: Form, file: LogFile | None) -> None:
        self._form = form
        self._file = file
        self._out = Stream("stdout")
        self._err = Stream("stderr")
        # Reentrant, because garbage collected in here may warn, and warnings are logged.
        self._lock = threading.RLock()

    def write(self, line: Line) -> None:
        text = self._formed(line)
        with self._lock:
            (self._err if line.number >= _WARNING else self._out).write(text)
            if self._file is not None:
                self._tell(self._file.write(text))

    def _formed(self, line: Line) -> str:
        try:
            return self._form(line)
        except Exception:  # noqa: BLE001  (a line that cannot be made must not stop whoever wrote it)
            message = f"{sanitise(line.message)} (fields: {sanitise(dict(line.fields))})"
            return self._form(replace(line, message=message, fields={}))

    def reopen(self) -> None:
        with self._lock:
            if self._file is not None:
                self._file.reopen()

    def close(self) -> None:
        with self._lock:
            if self._file is not None:
                self._file.close()

    def _tell(self, trouble: str | None) -> None:
        if trouble is not None:
            line = Line(_WARNING, "WARNING", "hourhand", "log.file", trouble, {})
            self._err.write(self._form(line))
