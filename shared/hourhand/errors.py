"""Every error hourhand raises on purpose.

    HourhandError
    ├── BadSetting             a setting is missing or wrong
    ├── TransportError         a call to the database did not succeed
    │   ├── Unavailable        it could not be reached, or the connection broke
    │   ├── Timeout            it was reached, but the statement was cut off
    │   ├── Denied             it refused the credentials or the right to do this
    │   ├── ContractMismatch   its schema is missing, older or newer than this program
    │   ├── BadInput           it refused a value
    │   ├── NotFound           there is no such schedule, run or queue
    │   └── Conflict           the row is not in a state that allows this
    ├── BadSchedule            a cron expression, interval, time zone or policy is wrong
    ├── BadScheduleFile        a file of schedules or items cannot be read or applied
    ├── UnknownTask            no task has this name
    ├── BadPayload             a payload does not fit its task
    ├── RunFailed              a run that was waited for failed or was cancelled
    ├── StillRunning           a run that was waited for has not ended in time
    ├── ProcessEnded           the process of a task ended before its task did
    ├── TaskImportError        a module that should define tasks cannot be imported
    └── EmbeddedError          the embedded Postgres cannot be found, started or stopped

A message states facts; `hint` says what to try; `exit_code` is what a command ends with:
1 the work failed, 2 wrong usage, 69 the database cannot be reached, 78 the configuration is wrong.
"""

# ruff: noqa: N818  (the names say what happened; the base class says that it is an error)

from typing import ClassVar

FAILED = 1
USAGE = 2
UNREACHABLE = 69
MISCONFIGURED = 78


class HourhandError(Exception):
    """Base of all errors. `str(error)` is the message alone; the hint stands beside it."""

    exit_code: ClassVar[int] = FAILED

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class BadSetting(HourhandError):
    exit_code = MISCONFIGURED


class TransportError(HourhandError):
    """A call to the database did not succeed.

    `sqlstate` is the five-character code where the database gave one, `http_status` that of the answer
    over Supabase, `retry_after` the seconds the other side asked to wait.
    """

    def __init__(
        self,
        message: str,
        hint: str | None = None,
        *,
        sqlstate: str | None = None,
        http_status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, hint)
        self.sqlstate = sqlstate
        self.http_status = http_status
        self.retry_after = retry_after


class Unavailable(TransportError):
    exit_code = UNREACHABLE


class Timeout(TransportError):
    pass


class Denied(TransportError):
    exit_code = MISCONFIGURED


class ContractMismatch(TransportError):
    exit_code = MISCONFIGURED


class BadInput(TransportError):
    exit_code = USAGE


class NotFound(TransportError):
    pass


class Conflict(TransportError):
    pass


class BadSchedule(HourhandError):
    exit_code = USAGE


class BadScheduleFile(HourhandError):
    exit_code = MISCONFIGURED


class UnknownTask(HourhandError):
    exit_code = USAGE


class BadPayload(HourhandError):
    exit_code = USAGE


class RunFailed(HourhandError):
    pass


class StillRunning(HourhandError, TimeoutError):
    pass


class ProcessEnded(HourhandError):
    """With isolation="process" only: it left, it crashed, it was killed, it closed its files."""


class TaskImportError(HourhandError):
    exit_code = MISCONFIGURED


class EmbeddedError(HourhandError):
    exit_code = UNREACHABLE
