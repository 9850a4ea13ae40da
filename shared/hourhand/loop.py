"""The one loop of all daemons: call a step, rest as long as it says, go on until told to stop."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from types import FrameType

from hourhand import handlers, log
from hourhand.errors import TransportError, Unavailable
from hourhand.outage import Outage

_FIRST_BACKOFF = 1.0
_LONGEST_BACKOFF = 30.0
_LONGEST_AWAY = (
    4.0  # while the database is away: to look for it costs little, and it may be back at any moment
)
_LONGEST_WAIT = 300.0  # that the other side may ask for
_LOOK_AT_SIGNALS = 1.0  # one that reaches another thread than the main one is handled when that one wakes
_LOOK_AT_CLOCKS = 5.0  # a rest is no longer than this, so that a resumed machine is noticed soon
_JUMP = 2.0
_ROUNDING = 1e-4  # a rest that ends at a beat may end a little before it in floating point

Clock = Callable[[], float]


class Bell:
    """Wakes one waiting thread. May be rung from anywhere, also from a signal handler.

    An Event may not: its lock is not reentrant, and the handler may interrupt the thread that holds it.
    """

    def __init__(self) -> None:
        self._silent = threading.Lock()
        self._silent.acquire()

    def ring(self) -> None:
        with suppress(RuntimeError):  # it rings already
            self._silent.release()

    def wait(self, seconds: float) -> bool:
        """Whether it rang; it is silent again afterwards."""
        return self._silent.acquire(timeout=max(seconds, 0))


class Loop:
    """Calls `step` until stopped. It returns the seconds until it wants to be called again, 0 for at once.

    With `every`, the step is also called at each multiple of that many seconds since the start, however long
    steps take; what was missed is not made up for. `wake` calls it now. A step that raises is called again
    after 1 s, later up to 30 s (4 s while the database is away), and an outage costs one warning and one line
    when it is over. Parts of one daemon share an `outage`.

    Rests are measured on the monotonic clock. When the wall clock has moved differently (it was set, or the
    machine slept), `on_jump` is told by how many seconds, and the step is called at once. `on_step` is called
    after each step, also one that failed: the loop goes round.
    """

    def __init__(
        self,
        step: Callable[[], float],
        *,
        name: str = "step",
        every: float | None = None,
        on_jump: Callable[[float], None] | None = None,
        on_step: Callable[[], None] | None = None,
        monotonic: Clock = time.monotonic,
        wall: Clock = time.time,
        bell: Bell | None = None,
        outage: Outage | None = None,
    ) -> None:
        self._step = step
        self._name = name
        self._every = every
        self._on_jump = on_jump
        self._on_step = on_step
        self._monotonic = monotonic
        self._wall = wall
        self._bell = bell or Bell()
        self._stopped = Bell()
        self._requests: deque[Callable[[], None]] = deque()
        self._outage = outage or Outage(monotonic)
        self._failures = 0
        self._began = monotonic()
        self._lead = wall() - monotonic()
        self.stopping = False
        self.forced = False

    def run(self) -> None:
        """Until `stop`; the step that is under way is finished."""
        while not self.stopping:
            delay = self.tick()
            if self._on_step is not None:
                self._on_step()
            self.rest(delay)

    def wake(self) -> None:
        """Call the step now, or once more when it is being called. Safe from any thread."""
        self._bell.ring()

    def stop(self) -> None:
        """End after the step that is under way."""
        self.stopping = True
        self._bell.ring()
        self._stopped.ring()

    def await_stop(self) -> None:
        """Wait in another thread than the loop's until it is told to stop."""
        while not self.stopping:
            self._stopped.wait(_LOOK_AT_SIGNALS)

    def force(self) -> None:
        """End, and let whoever finishes running work see that it must not be waited for."""
        self.forced = True
        self.stop()

    def request(self, callback: Callable[[], None]) -> None:
        """Have the loop's own thread call this between two steps. Safe from a signal handler."""
        self._requests.append(callback)
        self._bell.ring()

    def pause(self, seconds: float) -> bool:
        """Wait for a wake, a stop or a request, at most so long; whether one came. For use after `run`."""
        rang = self._bell.wait(seconds)
        self._serve_requests()
        return rang

    def tick(self) -> float:
        """One call of the step with its errors caught; the seconds to rest."""
        self._bell.wait(0)  # a wake before this step is answered by it
        self._serve_requests()
        if self.stopping:
            return 0
        try:
            delay = self._step()
        except Exception as error:  # noqa: BLE001  (the loop outlives whatever a step raises)
            delay = _backoff(error, self._failures)
            self._failures += 1
            self._outage.failed(self._name, error, delay)
            return delay
        self._failures = 0
        self._outage.over(self._name)
        return min(delay, self._until_next_beat())

    def rest(self, seconds: float) -> None:
        """Wait so long, or until woken; a wake does not shorten the rest after an error."""
        end = self._monotonic() + seconds
        while not self.stopping and (left := end - self._monotonic()) > 0:
            rang = self._bell.wait(min(left, _LOOK_AT_CLOCKS))
            self._serve_requests()
            if self._clocks_jumped() or (rang and not self._failures):
                return

    def _until_next_beat(self) -> float:
        if self._every is None:
            return float("inf")
        left = self._every - (self._monotonic() - self._began) % self._every
        return left if left > _ROUNDING else left + self._every

    def _clocks_jumped(self) -> bool:
        lead = self._wall() - self._monotonic()
        jump, self._lead = lead - self._lead, lead
        if abs(jump) < _JUMP:
            return False
        if self._on_jump is not None:  # else another loop of this process tells it
            log.event("clock.jumped", "WARNING", f"the clock jumped by {jump:+.1f} s", seconds=round(jump, 3))
            self._guarded(partial(self._on_jump, jump))
        return True

    def _serve_requests(self) -> None:
        while self._requests:
            self._guarded(self._requests.popleft())

    def _guarded(self, callback: Callable[[], object]) -> None:
        try:
            callback()
        except Exception as error:  # noqa: BLE001
            log.event("loop.error", "ERROR", f"{self._name}: {error}", error=error)


def _backoff(error: Exception, failures: int) -> float:
    """Seconds until the next try after so many before this one."""
    longest = _LONGEST_AWAY if isinstance(error, Unavailable) else _LONGEST_BACKOFF
    backoff = min(_FIRST_BACKOFF * 2.0 ** min(failures, 10), longest)
    asked = (error.retry_after or 0) if isinstance(error, TransportError) else 0
    # Daemons that lost the same database must not all come back in the same moment.
    return max(backoff * random.uniform(0.75, 1), min(asked, _LONGEST_WAIT))  # noqa: S311


@contextmanager
def signals(
    loop: Loop, *, reload: Callable[[], None] | None = None, dump: Callable[[], None] | None = None
) -> Iterator[None]:
    """While inside: TERM and INT stop the loop and a second one forces it, HUP reloads, USR1 dumps state.

    HUP also opens the log file anew. Handlers only set flags; the loop does the work. After the second TERM
    or INT it is the system that handles them, so that a third one ends the process. Outside the main thread,
    where Python allows no handlers, nothing happens.
    """

    asked = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            loop.force()
            handlers.restore(dict.fromkeys((signal.SIGTERM, signal.SIGINT), signal.SIG_DFL))
        asked = True
        loop.stop()

    def on_reload() -> None:
        log.reopen()
        if reload is not None:
            reload()

    before = handlers.install(
        {
            "SIGTERM": stop,
            "SIGINT": stop,
            "SIGHUP": lambda *_: loop.request(on_reload),
            "SIGUSR1": lambda *_: loop.request(dump) if dump is not None else None,
        }
    )
    try:
        yield
    finally:
        handlers.restore(before)
