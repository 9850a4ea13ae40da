"""A stretch of failing calls costs one warning, and one line when it is over."""

from time import monotonic

from hourhand_worker.journal import Journal


class Outage:
    def __init__(self, journal: Journal, what: str) -> None:
        self._journal = journal
        self._what = what
        self._began: float | None = None

    @property
    def lasting(self) -> bool:
        return self._began is not None

    def failed(self, error: Exception) -> None:
        if self._began is None:
            self._began = monotonic()
            self._journal.trouble(f"{self._what} failed: {error}; trying again", error)

    def over(self) -> None:
        if self._began is not None:
            seconds = monotonic() - self._began
            self._journal.note(f"{self._what} works again after {seconds:.0f} s")
            self._began = None
