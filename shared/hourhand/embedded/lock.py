"""A file that one process holds as long as it lives: the kernel lets go of it however the process ends."""

import os
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hourhand.errors import EmbeddedError

if sys.platform != "win32":
    import fcntl


def _try_lock(file: int) -> bool:
    if sys.platform == "win32":
        raise EmbeddedError(
            "the embedded Postgres does not run on Windows yet", "Set DATABASE_URL to a database that runs."
        )
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@dataclass(frozen=True)
class Holder:
    """The process that holds a lock, and since when."""

    pid: int
    since: datetime

    def __str__(self) -> str:
        return f"process {self.pid}, since {self.since.astimezone():%Y-%m-%d %H:%M:%S}"


class Lock:
    """An exclusive lock on `path`, which holds the process id of its holder.

    The file is never deleted: another process could hold a lock on the deleted one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

    def acquire(self, patience: float = 1.0) -> bool:
        """Take the lock; False if another process holds it for more than `patience` seconds.

        A little patience is needed because a look at the lock (`holder`) takes it for a moment.
        """
        file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + patience
        while not _try_lock(file):
            if time.monotonic() >= deadline:
                os.close(file)
                return False
            time.sleep(0.02)
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        self._file = file
        return True

    def release(self) -> None:
        if self._file is not None:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = None

    def holder(self) -> Holder | None:
        """The living process that holds the lock, or None."""
        try:
            file = os.open(self.path, os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            return None if _try_lock(file) else _holder(file)
        finally:
            os.close(file)


def _holder(file: int) -> Holder:
    text = os.pread(file, 32, 0).decode("ascii", "replace").strip()
    since = datetime.fromtimestamp(os.fstat(file).st_mtime, UTC)
    return Holder(int(text) if text.isdecimal() else 0, since)
