"""What this worker holds, and who may decide how an attempt ends.

Several threads may want to: the one that runs the task, the one that watches its time, the one that hears
that the lease is lost, the one that stops the worker. The one that takes the attempt out of `open` decides.
"""

from collections.abc import Iterable
from threading import Condition

from hourhand_worker.attempt import Attempt


class Holdings:
    """Attempts by token: open ones are undecided, closing ones decided but not acknowledged."""

    def __init__(self) -> None:
        # Between the two an attempt must never be nowhere: a beat that did not name it would give it back.
        self._lock = Condition()
        self._open: dict[str, Attempt] = {}
        self._closing: dict[str, Attempt] = {}

    def __len__(self) -> int:
        return len(self._open) + len(self._closing)

    @property
    def open(self) -> int:
        return len(self._open)

    @property
    def closing(self) -> int:
        return len(self._closing)

    def add(self, attempts: Iterable[Attempt]) -> None:
        with self._lock:
            self._open.update((attempt.token, attempt) for attempt in attempts)

    def has(self, attempt: Attempt) -> bool:
        with self._lock:
            return attempt.token in self._open or attempt.token in self._closing

    def settle(self, attempts: Iterable[Attempt]) -> list[Attempt]:
        """The caller, and nobody else, decides how these end and delivers it, but for the ones returned."""
        late = []
        with self._lock:
            for attempt in attempts:
                if attempt.token in self._open:
                    self._closing[attempt.token] = attempt  # first: who counts takes no lock
                    del self._open[attempt.token]
                else:
                    late.append(attempt)
        return late

    def drop(self, attempt: Attempt) -> bool:
        """The same where there is nothing to deliver, because the run is no longer ours."""
        with self._lock:
            return self._open.pop(attempt.token, None) is not None

    def delivered(self, attempts: Iterable[Attempt]) -> None:
        with self._lock:
            for attempt in attempts:
                self._closing.pop(attempt.token, None)
            if not self._closing:
                self._lock.notify_all()

    def await_delivered(self, timeout: float) -> bool:
        """Whether all that is decided was delivered within so many seconds."""
        with self._lock:
            return self._lock.wait_for(lambda: not self._closing, timeout)

    def undecided(self) -> list[Attempt]:
        with self._lock:
            return list(self._open.values())

    def by_run(self) -> dict[int, Attempt]:
        """All that is held, for the heartbeat; of two attempts at one run the newer."""
        with self._lock:
            return {attempt.id: attempt for attempt in (*self._closing.values(), *self._open.values())}
