"""The database's clock, read off this machine's monotonic one."""

from datetime import UTC, datetime
from time import monotonic


class Clock:
    """What the database's clock shows, going by its last answer. The wall clock here counts for nothing."""

    def __init__(self) -> None:
        self._offset = 0.0
        self._last = (0, "")

    def set(self, now: str) -> None:
        """`now` of an answer that has just come in."""
        self._offset = datetime.fromisoformat(now).timestamp() - monotonic()

    def at(self, moment: float) -> str:
        """ISO text of a moment of the monotonic clock, to the millisecond."""
        milliseconds = int((self._offset + moment) * 1000)
        known, text = self._last
        if known != milliseconds:  # thousands of short runs share one
            text = datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")
            self._last = milliseconds, text
        return text


def seconds_between(earlier: str, later: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
