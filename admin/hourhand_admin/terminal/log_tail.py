"""The log files of the services: their last lines, and what is added to them."""

from __future__ import annotations

import os
import re
import time
from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_SERVICES = {"job-scheduler": "scheduler", "job-worker": "worker", "admin": "admin", "up": "up"}
_TIME = re.compile(r'(?:\{"ts":")?(\d{4}-\d\d-\d\dT\S{8,}Z)')
_PAUSE = 0.25


@dataclass(frozen=True, slots=True)
class LogLine:
    """`source` is the file without its ending: `job-worker-1`."""

    service: str
    source: str
    text: str


def log_files(directory: Path, services: Collection[str]) -> list[Path]:
    """The current files of these services (of all, when none is named), without rotated ones."""
    found = sorted(directory.glob("*.log"))
    return [path for path in found if (service := service_of(path)) and (not services or service in services)]


def service_of(path: Path) -> str | None:
    return next((service for stem, service in _SERVICES.items() if _is_of(path.stem, stem)), None)


def _is_of(stem: str, service_stem: str) -> bool:
    return stem == service_stem or stem.startswith(f"{service_stem}-")


def last_lines(files: Collection[Path], most: int) -> list[LogLine]:
    """The last lines of all files together, in the order of their times."""
    timed: list[tuple[str, LogLine]] = []
    for path in files:
        when = ""
        for line in _tail(path, most):
            found = _TIME.match(line)
            when = found[1] if found else when  # the lines of a traceback stay with their first
            timed.append((when, _line(path, line)))
    timed.sort(key=lambda each: each[0])
    return [line for _, line in timed[-most:]] if most else []


def _tail(path: Path, most: int) -> Collection[str]:
    with open(path, encoding="utf-8", errors="replace") as file:
        return deque((line.rstrip("\n") for line in file), maxlen=most)


def _line(path: Path, text: str) -> LogLine:
    return LogLine(service_of(path) or "", path.stem, text)


class Follower:
    """Whole lines as they are added, also to new files, and over rotations."""

    def __init__(self, directory: Path, services: Collection[str]) -> None:
        self._directory = directory
        self._services = services
        self._open: dict[Path, IO[str]] = {}
        for path in log_files(directory, services):
            self._watch(path).seek(0, 2)

    def __iter__(self) -> Iterator[LogLine]:
        while True:
            yield from self.added()
            time.sleep(_PAUSE)

    def added(self) -> Iterator[LogLine]:
        """What has been added since the last call."""
        for path in log_files(self._directory, self._services):
            if path in self._open and _was_replaced(path, self._open[path]):
                yield from self._rest(path)  # written before it was moved away
                self._open.pop(path).close()
            yield from self._rest(path)

    def close(self) -> None:
        for file in self._open.values():
            file.close()

    def _watch(self, path: Path) -> IO[str]:
        if path not in self._open:
            self._open[path] = path.open(encoding="utf-8", errors="replace", newline="\n")
        return self._open[path]

    def _rest(self, path: Path) -> Iterator[LogLine]:
        file = self._watch(path)
        while True:
            start = file.tell()
            line = file.readline()
            if not line.endswith("\n"):
                file.seek(start)  # half a line: once it is whole
                return
            yield _line(path, line.rstrip("\n"))


def _was_replaced(path: Path, file: IO[str]) -> bool:
    try:
        there, ours = path.stat(), os.fstat(file.fileno())
    except OSError:
        return False
    return there.st_ino != ours.st_ino or there.st_size < file.tell()
