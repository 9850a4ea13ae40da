"""Keeps services running: starts them, starts again what ends, and stops them in order.

All of it happens in one thread, the main one: children end with the thread that started them. Signal
handlers only put a note into a queue, which the supervisor reads while it waits.
"""

import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Protocol

from hourhand import log
from hourhand.errors import HourhandError
from hourhand_admin.orphans import adopt_orphans, collect_orphans

FIRST_DELAY = 0.5  # seconds until the first new start; it doubles with each
LONGEST_DELAY = 30.0
CALM = 30.0  # a service that ran so long has recovered
WATCH_EVERY = 1.0
_LOOK_EVERY = 5.0
# `uv run` and a terminal may both deliver the same Ctrl-C.
_ONE_KEYSTROKE = 0.5

STOPPING_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


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


@dataclass
class Watch:
    """Replaces a service whenever `changed` says what has changed."""

    service: str
    changed: Callable[[], str | None]
    next_look: float = 0.0

    def look(self, now: float) -> str | None:
        if now < self.next_look:
            return None
        self.next_look = now + WATCH_EVERY
        return self.changed()


@dataclass
class Supervisor:
    """`services` in the order they are started; they are stopped in the opposite one."""

    services: Sequence[Service]
    watch: Watch | None = None
    stop_requests: int = 0
    _asked_at: float = float("-inf")
    _child_ended: bool = False
    _events: SimpleQueue[int] = field(default_factory=SimpleQueue)
    _keepers: list[Keeper] = field(init=False)

    def __post_init__(self) -> None:
        self._keepers = [Keeper(service) for service in self.services]
        adopt_orphans()

    def listen_to_signals(self) -> None:
        """TERM, INT and HUP stop; a second one forces. A child's end wakes."""
        for number in STOPPING_SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup stays in force
                signal.signal(number, self._note)
        if sys.platform != "win32":
            signal.signal(signal.SIGCHLD, self._note)

    def run(self, until: Callable[[], bool] = lambda: False, look_every: float = _LOOK_EVERY) -> None:
        """Keep all services running until a stop is asked for, or `until` says so."""
        while not self.stop_requests and not until():
            self.wait(min(self.look(), look_every))

    def look(self) -> float:
        """Do what is to be done now; the answer is in how many seconds to look again."""
        if self._child_ended:
            self._child_ended = False
            self._collect_orphans(end=any(service.pid is None for service in self.services))
        now = time.monotonic()
        return min([keeper.look(now) for keeper in self._keepers] + [self._look_for_changes(now)])

    def stop(self) -> None:
        """Stop every service in order; a second request ends at once those that still run."""
        for keeper in reversed(self._keepers):
            self._stop(keeper.service)
            self._collect_orphans(end=True)

    def wait(self, seconds: float) -> None:
        """Wait until something happened, or that long."""
        try:
            self._handle(self._events.get(timeout=max(seconds, 0.001)))
            while True:
                self._handle(self._events.get_nowait())
        except Empty:
            return

    def _note(self, number: int, _frame: object) -> None:
        self._events.put(number)

    def _handle(self, number: int) -> None:
        if number not in STOPPING_SIGNALS:
            self._child_ended = True
            return
        now = time.monotonic()
        if now - self._asked_at >= _ONE_KEYSTROKE:
            self.stop_requests += 1
        self._asked_at = now

    def _stop(self, service: Service) -> None:
        deadline = time.monotonic() + service.grace
        if service.pid is not None and self.stop_requests < 2:
            log.event("service.stopping", message=f"stopping {service.name}")
            service.ask_to_stop()
        while service.pid is not None and self.stop_requests < 2:
            if time.monotonic() >= deadline:
                late = f"{service.name} did not stop within {service.grace:g} s; ending it"
                log.event("service.stopping", "WARNING", late)
                break
            self.wait(0.2)
        service.finish()

    def _look_for_changes(self, now: float) -> float:
        if self.watch is None:
            return _LOOK_EVERY
        if (what := self.watch.look(now)) is not None:
            self._replace(self.watch.service, what, now)
        return max(self.watch.next_look - now, 0.0)

    def _replace(self, name: str, what: str, now: float) -> None:
        log.event("service.replaced", message=f"{what} has changed; restarting {name}")
        for keeper in self._keepers:
            if keeper.service.name == name:
                keeper.replace(now)

    def _collect_orphans(self, *, end: bool) -> None:
        collect_orphans({pid for service in self.services if (pid := service.pid) is not None}, end=end)
