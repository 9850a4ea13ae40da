"""One log file for each running service, rotated by size, or moved by others and reopened.

Not loguru's file sink: that one writes a traceback to stderr for every line it cannot write.
"""

from __future__ import annotations

import gzip
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import IO

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

_KEPT = 5
_STEMS = {"scheduler": "job-scheduler", "worker": "job-worker"}


class LogFile:
    """Appends whole lines. Trouble is returned once as a sentence; later lines are tried again."""

    def __init__(self, path: Path, rotate_bytes: int, lock: IO[bytes] | None = None) -> None:
        self.path = path
        self._rotate_bytes = rotate_bytes
        self._lock = lock  # held as long as the file is used
        self._file: IO[bytes] | None = None
        self._size = 0
        self._failing = False

    def write(self, text: str) -> str | None:
        """Append; returns what went wrong when it starts to go wrong."""
        try:
            self._append(text.encode("utf-8", "backslashreplace"))
        except (OSError, ValueError) as error:
            self._shut()
            first, self._failing = not self._failing, True
            return f"the log file {self.path} cannot be written: {error}; going on without" if first else None
        self._failing = False
        return None

    def reopen(self) -> None:
        self._shut()  # the next line opens it

    def close(self) -> None:
        self._shut()
        if self._lock is not None:
            self._lock.close()

    def _append(self, line: bytes) -> None:
        if self._file is None:
            self._open()
        elif self._rotate_bytes and self._size + len(line) > self._rotate_bytes and self._size:
            self._rotate()
        assert self._file is not None
        written = self._file.write(line)
        self._size += written
        if written < len(line):
            raise OSError("the disk is full")

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(self.path, "ab", buffering=0)  # noqa: SIM115  (one system call a line keeps lines whole)
        self._size = os.fstat(self._file.fileno()).st_size

    def _shut(self) -> None:
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
        self._file = None

    def _rotate(self) -> None:
        self._shut()
        old = self.path.with_name(f"{self.path.stem}.{datetime.now(UTC):%Y%m%dT%H%M%S%f}.log")
        os.replace(self.path, old)
        self._open()
        with suppress(OSError):
            _compress(old)
            self._prune()

    def _prune(self) -> None:
        rotated = re.compile(re.escape(self.path.stem) + r"\.\d{8}T\d{12}\.log(\.gz)?")
        found = sorted(entry for entry in self.path.parent.iterdir() if rotated.fullmatch(entry.name))
        for entry in found[:-_KEPT]:
            entry.unlink()


def _compress(path: Path) -> None:
    with open(path, "rb") as plain, gzip.open(f"{path}.gz", "wb") as packed:
        shutil.copyfileobj(plain, packed)
    path.unlink()


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
    if fcntl is None:
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    file = open(path, "ab")  # noqa: SIM115  (open means locked)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise
    return file
