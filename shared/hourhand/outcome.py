"""How a task ends when it neither returns a value nor fails: each can be returned or raised.

Retry(after)     not yet: try again later; uses one of the attempts
Snooze(after)    not now: look again later; uses no attempt
Cancel(reason)   not needed any more: the run ends as cancelled
Discard(reason)  never going to work: the run ends as failed, without another attempt
"""

# ruff: noqa: N818  (a task says `raise Snooze(...)`: these are no errors)

from datetime import timedelta


class Outcome(Exception):
    """Base of the four. Catching `Exception` around the work of a task also catches these."""


class Retry(Outcome):
    """Try again after `after` (seconds or timedelta), or when the task's retry policy says if it is None.

    The attempt counts; when it was the last one, the run ends as failed with `reason`.
    """

    def __init__(self, after: timedelta | float | None = None, reason: str | None = None) -> None:
        super().__init__(reason or "asked to be tried again")
        self.after = None if after is None else _seconds(after)
        self.reason = reason


class Snooze(Outcome):
    """Run again after `after` (seconds or timedelta) as if this attempt had not been."""

    def __init__(self, after: timedelta | float) -> None:
        super().__init__("asked to be run later")
        self.after = _seconds(after)


class Cancel(Outcome):
    """End the run as cancelled."""

    def __init__(self, reason: str = "cancelled by its task") -> None:
        super().__init__(reason)
        self.reason = reason


class Discard(Outcome):
    """End the run as failed at once, whatever attempts are left; it may leave a result all the same."""

    def __init__(self, reason: str = "discarded by its task", result: object = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.result = result


_LONGEST = timedelta(days=366).total_seconds()


def _seconds(after: timedelta | float) -> float:
    seconds = after.total_seconds() if isinstance(after, timedelta) else float(after)
    if not 0 <= seconds <= _LONGEST:
        raise ValueError(f"after has to be between 0 seconds and 366 days, not {after!r}")
    return seconds
