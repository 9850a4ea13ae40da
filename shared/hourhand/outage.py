"""A stretch in which parts of a daemon fail, told once for all of them."""

import threading
import time
from collections.abc import Callable

from hourhand import log
from hourhand.errors import HourhandError


class Outage:
    """Shared by the parts of a daemon, each of which says when it fails and, by the same name, when it works.

    The first failure costs a warning, and so does each kind of error that is new within the outage; one line
    tells when the last part works again. Safe to use from any thread.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._failing: set[str] = set()
        self._seen: set[type[BaseException]] = set()
        self._failures = 0
        self._first = ""
        self._began = 0.0

    def failed(self, part: str, error: Exception, again_in: float | None = None) -> None:
        """`again_in` seconds it is tried again."""
        with self._lock:
            if not self._failing:
                self._first, self._began, self._failures = part, self._monotonic(), 0
                self._seen.clear()
            self._failing.add(part)
            self._failures += 1
            known = type(error) in self._seen
            self._seen.add(type(error))
        if not known:
            _tell(part, error, again_in)

    def over(self, part: str) -> None:
        """It works, whether it failed before or not."""
        if part not in self._failing:
            return
        with self._lock:
            self._failing.discard(part)
            if self._failing:
                return
            seconds, failures = self._monotonic() - self._began, self._failures
        message = f"{self._first} works again after {seconds:.0f} s and {failures} failures"
        log.event("loop.recovered", "INFO", message, failures=failures, seconds=round(seconds, 3))

    def lasts(self, part: str) -> bool:
        """Whether this part failed the last time."""
        return part in self._failing


def _tell(part: str, error: Exception, again_in: float | None) -> None:
    when = "" if again_in is None else f" in {again_in:.0f} s"
    message = f"{part} failed: {error}; trying again{when}"
    if isinstance(error, HourhandError):
        log.event("loop.failed", "WARNING", message, error=error, hint=error.hint)
    else:
        log.event("loop.failed", "ERROR", message, error=error)
