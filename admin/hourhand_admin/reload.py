"""Notices when Python files change, by looking at them now and then."""

import os
import time
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

from hourhand import log
from hourhand_admin.supervisor import Supervisor

_NOT_OURS = {"node_modules", "site-packages", "__pycache__", "venv"}
LOOK_EVERY = 1.0  # seconds
_MOST_FILES = 20_000


class Changes:
    """The Python files below some directories, and when each was changed."""

    def __init__(self, directories: Iterable[Path]) -> None:
        self._directories = [*directories]
        self._known = self._look()

    def next(self) -> str | None:
        """The path of a file that was changed, added or removed since the last look, or None."""
        before, self._known = self._known, self._look()
        if before == self._known:
            return None
        changed = sorted(path for path, _ in before.items() ^ self._known.items())
        return os.path.relpath(changed[0])

    def _look(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for directory in self._directories:
            for path, changed in _python_files(str(directory)):
                if len(found) >= _MOST_FILES:
                    return found
                found[path] = changed
        return found


class Reload:
    """A chore of the supervisor: restarts a service when a file has changed."""

    def __init__(self, supervisor: Supervisor, service: str, changes: Changes) -> None:
        self._supervisor = supervisor
        self._service = service
        self._changes = changes
        self._next = 0.0

    def __call__(self) -> float:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + LOOK_EVERY
            if (path := self._changes.next()) is not None:
                log.event("service.replaced", message=f"{path} has changed; restarting {self._service}")
                self._supervisor.replace(self._service)
        return self._next - now


def watched_directories(modules: Iterable[str]) -> list[Path]:
    """The working directory, and where `modules` are if that is elsewhere and not an installed package."""
    here = Path.cwd()
    homes = {home for module in modules if (home := _home(module)) is not None}
    elsewhere = [home for home in homes if not home.is_relative_to(here) and not _NOT_OURS & {*home.parts}]
    return [here, *sorted(elsewhere)]


def _home(module: str) -> Path | None:
    """The directory of its top-level package or module, found without importing it."""
    try:
        spec = find_spec(module.partition(".")[0])
    except (ImportError, ValueError):
        return None
    return Path(spec.origin).parent if spec and spec.origin and spec.has_location else None


def _python_files(directory: str) -> Iterator[tuple[str, int]]:
    try:
        entries = [*os.scandir(directory)]
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name in _NOT_OURS:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _python_files(entry.path)
        elif entry.name.endswith(".py"):
            try:
                yield entry.path, entry.stat().st_mtime_ns
            except FileNotFoundError:
                continue
