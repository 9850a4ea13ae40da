"""What an attempt comes to: the value it returned or the exception it raised, as `finish` takes it."""

import traceback
from asyncio import CancelledError
from dataclasses import dataclass
from time import monotonic
from types import TracebackType
from typing import Any, cast

from hourhand.errors import BadPayload
from hourhand.outcome import Cancel, Discard, Outcome, Retry, Snooze, seconds
from hourhand.redact import redact
from hourhand.sanitise import sanitise, sanitise_text
from hourhand_worker.attempt import Attempt, Result, Stop
from hourhand_worker.clock import Clock

MOST_MESSAGE = 16 * 1024
MOST_TRACEBACK = 48 * 1024


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The end of an attempt that ran in another process, which knew the value or the exception itself."""

    result: Result


class Endings:
    """Turns what happened to an attempt into its result."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def ended(self, attempt: Attempt, value: object, error: BaseException | None) -> Result:
        """What comes of what it returned or raised."""
        try:
            return self.returned(attempt, value) if error is None else self.raised(attempt, error)
        except BaseException as broken:  # noqa: BLE001  (what is asked may be the user's: a retry policy)
            if error is not broken:
                broken.__context__ = error
            return self._failed(attempt, _described(broken), None)

    def returned(self, attempt: Attempt, value: object) -> Result:
        if value is None:
            return self._result(attempt, "completed")
        # Asked of the type: what a value says of its own class may be anything, or an exception.
        if issubclass(type(value), Outcome):
            return self._told(attempt, cast(Outcome, value))
        if type(value) is Elsewhere:
            return {**value.result, **self._result(attempt, value.result["outcome"])}
        return self._result(attempt, "completed", result=sanitise(value))

    def raised(self, attempt: Attempt, error: BaseException) -> Result:
        if isinstance(error, Outcome):
            return self._told(attempt, error)
        if attempt.stop is Stop.TIMED_OUT:
            error = _out_of_time(attempt)
            return self._failed(attempt, _said("TimeoutError", str(error)), self._delay(attempt, error))
        if attempt.stop is Stop.CANCELLED:
            return self._result(attempt, "cancelled", error=_said("", attempt.reason))
        if isinstance(error, CancelledError):
            error = RuntimeError("it was cancelled from within")
        return self._failed(attempt, _described(error), self._delay(attempt, error))

    def timed_out(self, attempt: Attempt) -> Result:
        """Its time is over, whatever it is doing."""
        return self.ended(attempt, None, _out_of_time(attempt))

    def unstorable(self, attempt: Attempt, error: Exception) -> Result:
        """The database refused the result: the run must end all the same."""
        return self._result(attempt, "failed", error=_said("UnstorableResult", str(error)))

    def _told(self, attempt: Attempt, outcome: Outcome) -> Result:
        match outcome:
            case Snooze(after=after):
                return self._result(attempt, "snooze", delay=after)
            case Cancel():
                return self._result(attempt, "cancelled", error=_reason(outcome))
            case Discard(result=result):
                failed = self._failed(attempt, _reason(outcome), None)
                return failed if result is None else {**failed, "result": sanitise(result)}
            case Retry(after=after):
                wait = self._delay(attempt) if after is None else after
                return self._failed(attempt, _reason(outcome), wait)
        return self._failed(attempt, _described(outcome), None)

    def _delay(self, attempt: Attempt, error: BaseException | None = None) -> float | None:
        delay = attempt.task.retry.delay(attempt.number, error)
        return None if delay is None else seconds(delay, "what its retry policy gives")

    def _failed(self, attempt: Attempt, error: dict[str, str], delay: float | None) -> Result:
        if delay is None or attempt.is_last:
            return self._result(attempt, "failed", error=error)
        return self._result(attempt, "retry", error=error, delay=delay)

    def _result(self, attempt: Attempt, outcome: str, **more: Any) -> Result:
        now = monotonic()
        started = attempt.started or now
        return {
            "id": attempt.id,
            "token": attempt.token,
            "outcome": outcome,
            "started_at": self._clock.at(started),
            "duration_ms": int((now - started) * 1e6) / 1000,  # `round` takes longer than all else here
            **more,
        }


def _out_of_time(attempt: Attempt) -> TimeoutError:
    return TimeoutError(f"timed out after {attempt.timeout:g} s")


def _said(kind: str, message: str) -> dict[str, str]:
    parts = {"class": kind, "message": sanitise_text(redact(message), MOST_MESSAGE)}
    return {name: text for name, text in parts.items() if text}


def _reason(outcome: Cancel | Discard | Retry) -> dict[str, str]:
    """With the traceback of the exception that it was raised for, if there is one."""
    said = _said("", _message(outcome))
    if outcome.__cause__ is not None or not (outcome.__context__ is None or outcome.__suppress_context__):
        said["traceback"] = sanitise_text(redact(_traceback(outcome)), MOST_TRACEBACK)
    return said


def _described(error: BaseException) -> dict[str, str]:
    kind = type(error).__qualname__ if type(error).__module__ == "builtins" else _full_name(type(error))
    described = _said(kind, _message(error))
    if not isinstance(error, BadPayload):
        described["traceback"] = sanitise_text(redact(_traceback(error)), MOST_TRACEBACK)
    return described


def _full_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException as broken:  # noqa: BLE001  (an exception may fail to say what it is)
        return f"(its message can't be shown: {type(broken).__name__})"


def _traceback(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(type(error), error, _of_the_task(error.__traceback__)))
    except BaseException as broken:  # noqa: BLE001
        return f"(its traceback can't be shown: {type(broken).__name__})"


def _of_the_task(frames: TracebackType | None) -> TracebackType | None:
    """Without the worker's own frames, which say nothing to the author of the task."""
    while frames is not None and frames.tb_frame.f_globals.get("__package__") == __package__:
        frames = frames.tb_next
    return frames
