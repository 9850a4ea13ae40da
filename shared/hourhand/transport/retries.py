"""When a failed call is made again, and after how long."""

from threading import Event

from tenacity import RetryCallState, Retrying, retry_any, retry_if_exception, wait_random_exponential
from tenacity.nap import sleep_using_event
from tenacity.stop import stop_before_delay

from hourhand.errors import TransportError

TRANSIENT = frozenset(
    {
        "25006",  # read only: a primary that has become a standby
        "40001",  # serialization failure
        "40P01",  # deadlock
        "53300",  # too many connections
        "55P03",  # lock not available
        "57P01",  # shut down by an administrator
        "57P02",  # shut down after a crash
        "57P03",  # starting up
    }
)
CONNECTION_TROUBLE = "08"
# A function or a column that is not there. When the schema was migrated during the call it is a moment later.
CHANGED = frozenset({"42703", "42883"})

# Full jitter: what failed together does not come back together.
_backoff = wait_random_exponential(multiplier=0.1, min=0.02, max=2.0)


def is_transient(error: BaseException) -> bool:
    """Whether the same call may succeed a little later."""
    if not isinstance(error, TransportError):
        return False
    sqlstate = error.sqlstate or ""
    return sqlstate in TRANSIENT or sqlstate.startswith(CONNECTION_TROUBLE)


def retrying(patience: float, closing: Event) -> Retrying:
    """Repeats a call while its error is transient, for at most `patience` seconds, and one that may have met
    a migration once; raises the last error.

    Once `closing` is set no time is spent waiting: a closed transport fails for good.
    """
    return Retrying(
        retry=retry_any(retry_if_exception(is_transient), _has_met_a_migration),
        wait=_wait,
        stop=stop_before_delay(patience),
        sleep=sleep_using_event(closing),
        reraise=True,
    )


def _has_met_a_migration(state: RetryCallState) -> bool:
    error = state.outcome.exception() if state.outcome and state.attempt_number == 1 else None
    return isinstance(error, TransportError) and error.sqlstate in CHANGED


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, TransportError) else None
    return max(asked or 0.0, _backoff(state))
