"""How a task ends when it neither returns a value nor fails: each can be returned or raised.

Retry(after)     not yet: try again later; uses one of the attempts
Snooze(after)    not now: look again later; uses no attempt
Cancel(reason)   not needed any more: the run ends as cancelled
Discard(reason)  never going to work: the run ends as failed, without another attempt

A reason may be an exception: `raise Discard(error) from error`.
"""

# ruff: noqa: N818  (a task says `raise Snooze(...)`: these are no errors)

from datetime import timedelta

from hourhand.durations import in_seconds


class Outcome(Exception):
    """Base of the four. Catching `Exception` around the work of a task also catches these."""


class Retry(Outcome):
    """Try again after `after` (seconds or timedelta), or when the task's retry policy says if it is None.

    The attempt counts; when it was the last one, the run ends as failed with `reason`.
    """

    def __init__(
        self, after: timedelta | float | None = None, reason: str | BaseException | None = None
    ) -> None:
        self.reason = None if reason is None else _words(reason)
        super().__init__(self.reason or "asked to be tried again")
        self.after = None if after is None else seconds(after)


class Snooze(Outcome):
    """Run again after `after` (seconds or timedelta) as if this attempt had not been."""

    def __init__(self, after: timedelta | float) -> None:
        super().__init__("asked to be run later")
        self.after = seconds(after)


class Cancel(Outcome):
    """End the run as cancelled."""

    def __init__(self, reason: str | BaseException = "cancelled by its task") -> None:
        self.reason = _words(reason)
        super().__init__(self.reason)


class Discard(Outcome):
    """End the run as failed at once, whatever attempts are left; it may leave a result all the same."""

    def __init__(self, reason: str | BaseException = "discarded by its task", result: object = None) -> None:
        self.reason = _words(reason)
        super().__init__(self.reason)
        self.result = result


def _words(reason: str | BaseException) -> str:
    if isinstance(reason, BaseException):
        return ": ".join(filter(None, (type(reason).__name__, str(reason))))
    return str(reason)


LONGEST = timedelta(days=366).total_seconds()


def seconds(after: timedelta | float, name: str = "after") -> float:
    """Raises ValueError for what is no time to wait, and says that it is the one of this name."""
    seconds = float(in_seconds(after))
    if not 0 <= seconds <= LONGEST:
        raise ValueError(f"{name} has to be between 0 seconds and 366 days, not {after!r}")
    return seconds
