"""Slows down who guesses passwords."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

_FREE = 5  # tries that cost nothing
_LONGEST = 60.0  # seconds
_FORGOTTEN = 900.0
_MOST_KEYS = 10_000


class Throttle:
    """After five failures a key is closed for 1 s, 2 s, 4 s … up to a minute. In memory, and bounded."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, *keys: str) -> float:
        """For how many more seconds one of the keys is closed; 0 when all are open."""
        now = self._monotonic()
        with self._lock:
            return max(0.0, *(self._closed_until(key) - now for key in keys))

    def tried(self, *keys: str) -> None:
        """Counts a failure, before it is known: many guesses at once count all. `succeeded` takes it back."""
        now = self._monotonic()
        with self._lock:
            for key in keys:
                count, since = self._failures.pop(key, (0, now))
                count = 0 if now - since > _FORGOTTEN else count
                self._failures[key] = count + 1, now
            while len(self._failures) > _MOST_KEYS:
                self._failures.popitem(last=False)

    def succeeded(self, *keys: str) -> None:
        with self._lock:
            for key in keys:
                self._failures.pop(key, None)

    def _closed_until(self, key: str) -> float:
        count, since = self._failures.get(key, (0, 0.0))
        return since + min(2.0 ** (count - _FREE), _LONGEST) if count >= _FREE else 0.0
