"""One log file for each running service, rotated by size, or moved by others and reopened."""

from __future__ import annotations

import gzip
import io
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from logging import LogRecord, makeLogRecord
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO

if sys.platform != "win32":
    import fcntl

_KEPT = 5
_STEMS = {"scheduler": "job-scheduler", "worker": "job-worker"}


class LogFile(RotatingFileHandler):
    """Appends records as they are; what is rotated away is packed. `rotate_bytes` 0: never.

    `tell` is called when writing starts to fail. Later records are tried again, and it is told no more until
    one of them could be written.
    """

    terminator = ""

    def __init__(self, path: Path, rotate_bytes: int, tell: Callable[[str], object] = lambda _: None) -> None:
        # A file that cannot be opened is like one that cannot be written: found out with the first record.
        super().__init__(
            path, "a", rotate_bytes, _KEPT, encoding="utf-8", errors="backslashreplace", delay=True
        )
        self.namer, self.rotator = "{}.gz".format, _pack
        self._tell = tell
        self._failing = False
        self._owner = os.getpid()
        self._of_owner: object = None

    def write(self, text: str) -> None:
        """One or more whole lines."""
        self.handle(makeLogRecord({"msg": text}))

    def shouldRollover(self, record: LogRecord) -> bool:  # noqa: N802
        """Without the base class's looks at the directory, which cost more than the writing."""
        owned = os.getpid() == self._owner
        if not owned:
            self._forked()
        if self.stream is None:
            self.stream = self._open()
        return owned and 0 < self.maxBytes < self.stream.tell() + len(record.msg)

    def handleError(self, record: LogRecord) -> None:  # noqa: ARG002, N802
        first, self._failing = not self._failing, True
        self._shut()
        if first:
            error = sys.exception()
            self._tell(f"the log file {self.baseFilename} cannot be written: {error}; going on without")

    def flush(self) -> None:
        super().flush()
        self._failing = False  # the end of a record that could be written

    def format(self, record: LogRecord) -> str:
        return record.getMessage()

    def reopen(self) -> None:
        self.acquire()
        self._shut()  # the next record opens it
        self.release()

    def _open(self) -> io.TextIOWrapper:
        os.makedirs(os.path.dirname(self.baseFilename), exist_ok=True)
        return super()._open()

    def _forked(self) -> None:
        """In a process that a task has forked: only the owner rotates, and may have since the last record."""
        if self._of_owner is None:
            # Its stream may be in the middle of a record, and locked: it is neither used nor closed.
            self._of_owner, self.stream = self.stream, None
        self._shut()

    def _shut(self) -> None:
        stream, self.stream = self.stream, None
        if stream is not None:
            with suppress(OSError, ValueError):
                stream.close()


def _pack(source: str, target: str) -> None:
    try:
        with open(source, "rb") as plain, gzip.open(target, "wb", compresslevel=6) as packed:
            shutil.copyfileobj(plain, packed)
        os.unlink(source)
    except OSError:  # such as a full disk: kept as it is
        os.replace(source, target)


def claim_file(directory: Path, service: str, name: str | None) -> tuple[Path, IO[bytes] | None]:
    """The log file of this process, and the lock that keeps other processes off it.

    Several processes in one file would lose lines when it is rotated, so a second process of the same name
    takes the next number. Workers without a name are numbered from 1, and a restarted one gets its number
    again. Where nothing can be locked, there is no lock.
    """
    for stem in _stems(service, name):
        try:
            return directory / f"{stem}.log", _lock(directory / f".{stem}.lock")
        except BlockingIOError:
            continue
        except OSError:
            return directory / f"{stem}.log", None
    raise AssertionError("unreachable")


def _stems(service: str, name: str | None) -> Iterator[str]:
    base = _STEMS.get(service, service)
    if service == "worker":
        if name is None:
            yield from (f"{base}-{number}" for number in count(1))
        base = f"{base}-{re.sub(r'[^A-Za-z0-9_.-]', '_', name or '')}"
    yield base
    yield from (f"{base}-{number}" for number in count(2))


def _lock(path: Path) -> IO[bytes] | None:
    """Raises BlockingIOError while another process holds it."""
    if sys.platform == "win32":
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    file = open(path, "ab")  # noqa: SIM115  (open means locked)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise
    return file
