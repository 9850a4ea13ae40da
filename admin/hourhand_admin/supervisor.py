"""Keeps services running: starts them, starts again what ends, and stops them in order.

All of it happens in one thread, the main one, because children end with the thread that started them.
"""

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Protocol

from hourhand import log
from hourhand.errors import HourhandError
from hourhand.loop import Loop

FIRST_DELAY = 0.5  # seconds until the first new start; it doubles with each
LONGEST_DELAY = 30.0
CALM = 30.0  # a service that ran for so long has recovered
_LOOK_EVERY = 5.0
# One Ctrl-C may arrive twice: from the terminal, and from a parent that passes it on, such as `uv run`.
_ONE_KEYSTROKE = 0.5

STOPPING_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)

Chore = Callable[[], float]
"""Something to do now and then; the answer is in how many seconds again."""


class Service(Protocol):
    """Something that is started and stopped. Errors of starting are HourhandErrors."""

    name: str
    grace: float
    """Seconds it may take to stop."""

    @property
    def pid(self) -> int | None:
        """Its process while it lives."""
        ...

    def start(self) -> None: ...

    def ended(self) -> str:
        """How it ended, in words."""
        ...

    def ask_to_stop(self) -> None:
        """Begin an orderly stop, without waiting for it."""

    def finish(self) -> None:
        """End it now if it still lives, and clean up after it."""


@dataclass
class Keeper:
    """Keeps one service running."""

    service: Service
    failures: int = 0
    _since: float = 0.0
    _due: float | None = 0.0  # when to start it; None while it runs
    _replace_by: float | None = None

    def look(self, now: float) -> float:
        """Do what is to be done; the answer is in how many seconds to look again."""
        if self._due is None and self.service.pid is None:
            self._ended(now)
        if self._due is not None and now >= self._due:
            self._start(now)
        if self._replace_by is not None and now >= self._replace_by:
            self.service.finish()
            return 0.0
        deadlines = [deadline for deadline in (self._due, self._replace_by) if deadline is not None]
        return max(min(deadlines, default=now + _LOOK_EVERY) - now, 0.0)

    def replace(self, now: float) -> None:
        """Stop it and start it anew; one that waits to be started is started now."""
        self.failures = 0
        if self._due is not None:
            self._due = now
        elif self._replace_by is None:
            self._replace_by = now + self.service.grace
            self.service.ask_to_stop()

    def _start(self, now: float) -> None:
        try:
            self.service.start()
        except HourhandError as error:
            self._again(now, f"cannot be started: {error}")
        else:
            self._since, self._due = now, None

    def _ended(self, now: float) -> None:
        how = self.service.ended()
        self.service.finish()
        if self._replace_by is not None:
            self._replace_by, self._due = None, now
            return
        if now - self._since >= CALM:
            self.failures = 0
        self._again(now, how)

    def _again(self, now: float, why: str) -> None:
        delay = min(FIRST_DELAY * 2**self.failures, LONGEST_DELAY)
        self.failures = min(self.failures + 1, 16)
        self._due = now + delay
        name = self.service.name
        log.event("service.ended", "WARNING", f"{name} {why}; starting it again in {delay:g} s")


class Supervisor:
    """Keeps `services`, given in the order they are started; they are stopped in the opposite one."""

    def __init__(self, services: Sequence[Service]) -> None:
        self.services = services
        self.chores: list[Chore] = []
        self.loop = Loop(self.step, name="supervisor")
        self._keepers = [Keeper(service) for service in services]
        self._asked_at = float("-inf")

    def run(self) -> None:
        """Until TERM, INT or HUP; then stop everything in order, or at once after a second signal."""
        with self._signals():
            try:
                self.loop.run()
            finally:
                self.stop()

    def step(self) -> float:
        """Do what is to be done now; the answer is in how many seconds to look again."""
        now = time.monotonic()
        waits = [keeper.look(now) for keeper in self._keepers] + [chore() for chore in self.chores]
        return min(waits, default=_LOOK_EVERY)

    def stop(self) -> None:
        """Stop every service in order."""
        for service in reversed(self.services):
            self._stop(service)

    def replace(self, name: str) -> None:
        """Stop the service of this name and start it anew."""
        for keeper in self._keepers:
            if keeper.service.name == name:
                keeper.replace(time.monotonic())

    def _stop(self, service: Service) -> None:
        deadline = time.monotonic() + service.grace
        if service.pid is not None and not self.loop.forced:
            log.event("service.stopping", message=f"stopping {service.name}")
            service.ask_to_stop()
        while service.pid is not None and not self.loop.forced:
            if time.monotonic() >= deadline:
                late = f"{service.name} did not stop within {service.grace:g} s; ending it"
                log.event("service.stopping", "WARNING", late)
                break
            self.loop.pause(0.2)
        service.finish()

    # --- Signals: handlers only set flags ---

    @contextmanager
    def _signals(self) -> Iterator[None]:
        before = {number: signal.getsignal(number) for number in STOPPING_SIGNALS}
        heard = [number for number, handler in before.items() if handler is not signal.SIG_IGN]  # nohup
        for number in heard:
            signal.signal(number, self._asked_to_stop)
        if hasattr(signal, "SIGCHLD"):
            signal.signal(signal.SIGCHLD, lambda *_: self.loop.wake())
        try:
            yield
        finally:
            for number in heard:
                signal.signal(number, before[number])
            if hasattr(signal, "SIGCHLD"):
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)

    def _asked_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if not self.loop.stopping:
            self.loop.stop()
        elif now - self._asked_at >= _ONE_KEYSTROKE:
            self.loop.force()
        self._asked_at = now
