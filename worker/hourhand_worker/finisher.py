"""Delivers the ends of attempts to the database, many in one call.

A result is delivered at once when nothing else runs; otherwise up to 50 ms later, together with all that
came meanwhile. That window is the one in which a crash repeats work that was done.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from threading import Event, Thread
from time import monotonic

from pydantic_core import to_json

from hourhand import columns
from hourhand.errors import ContractMismatch, Denied, Timeout, TransportError, Unavailable
from hourhand_worker.attempt import Attempt, Result
from hourhand_worker.ending import Endings
from hourhand_worker.ground import Ground
from hourhand_worker.logbook import LINES_A_CALL, Line, Logbook
from hourhand_worker.session import Session

WINDOW = 0.05
MOST_RESULTS = 500
MOST_BYTES = 4_000_000
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 1.0

RESULTS, LOGS = "writing results", "writing logs"

_DONE = (
    "id",
    "token",
    "started_at",
    "duration_ms",
)  # all there is to say when runs have completed without a value
_FIELDS = (*_DONE, "outcome", "delay", "result", "error")
_PLAIN = len(_DONE) + 1
"""Fields of a result without a value or an error."""

Ended = tuple[Attempt, Result]

# What another try may cure. All else is the fault of a value, and must not hold up the others.
_PASSING = (Unavailable, Timeout, Denied, ContractMismatch)


class Finisher:
    """A thread. `busy` tells whether more results are on their way; `delivered` hears what was written, and
    `over` of every attempt that is no longer held, also where its end did not count.
    """

    def __init__(
        self,
        ground: Ground,
        session: Session,
        logbook: Logbook,
        *,
        busy: Callable[[], bool],
        delivered: Callable[[Sequence[Ended]], None],
        over: Callable[[Sequence[Attempt]], None],
    ) -> None:
        self._transport = ground.transport
        self._holdings = ground.holdings
        self._clock = ground.clock
        self._journal = ground.journal
        self._session = session
        self._logbook = logbook
        self._busy = busy
        self._delivered = delivered
        self._told_over = over
        self._endings = Endings(ground.clock)
        self._outage = ground.outage
        self._outbox: deque[Ended] = deque()
        self._bell = Event()
        self._noticed = False  # the thread knows that there are results
        self._urgent = False
        self._deadline = 0.0
        self._give_up_at: float | None = None
        self._thread = Thread(target=self._run, name="hourhand-finisher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, ended: Sequence[Ended]) -> None:
        """From any thread. What frees a limit, or its own slot, does not wait for others."""
        urgent = False
        for attempt, _ in ended:
            if attempt.task.sync_ack or attempt.task.concurrency is not None:
                attempt.keeps_slot = attempt.task.sync_ack
                urgent = True
        self._outbox.extend(ended)
        if urgent:
            self._urgent = True  # after them, or the delivery of others might forget it
        if self._urgent or not self._noticed or len(self._outbox) >= MOST_RESULTS:
            self._bell.set()

    def look(self) -> None:
        """Look again: nothing more is on its way, or something was logged."""
        self._bell.set()

    def close(self, timeout: float) -> None:
        """Deliver what there is; what can't be delivered in `timeout` seconds is left to the lease."""
        self._give_up_at = monotonic() + timeout
        self._bell.set()
        self._thread.join(timeout + 1)

    # --- The thread ---

    def _run(self) -> None:
        while not self._over():
            self._bell.wait(self._pause())
            self._bell.clear()
            try:
                self._write()
            except Exception as error:  # noqa: BLE001  (without this thread no run would ever end)
                self._journal.trouble("Writing results failed in an unknown way", error)
            self._notice()

    def _write(self) -> None:
        if self._is_ripe():
            self._urgent = False
            self._write_logs()
            self._deliver_all()
            self._noticed = False
        elif self._logbook.due_in() == 0:
            self._write_logs()

    def _over(self) -> bool:
        if self._give_up_at is None:
            return False
        # What is decided may still be on its way here.
        return not (self._holdings.closing or len(self._logbook)) or monotonic() > self._give_up_at

    def _notice(self) -> None:
        known = self._noticed
        # Cleared before the look: a result that comes after it rings the bell.
        self._noticed = False
        if self._outbox:
            self._noticed = True
            if not known:
                self._deadline = monotonic() + WINDOW

    def _pause(self) -> float | None:
        moments = [self._deadline] if self._outbox else []
        if self._give_up_at is not None:
            moments.append(self._give_up_at)
        pauses = [max(0.0, moment - monotonic()) for moment in moments]
        logs = self._logbook.due_in()
        return min(pauses if logs is None else [*pauses, logs], default=None)

    def _is_ripe(self) -> bool:
        if not self._outbox:
            return False
        full = len(self._outbox) >= MOST_RESULTS
        if full or self._urgent or self._give_up_at is not None or not self._busy():
            return True
        return self._noticed and monotonic() >= self._deadline

    def _deliver_all(self) -> None:
        while self._outbox:
            self._deliver(self._take())

    def _take(self) -> list[Ended]:
        taken: list[Ended] = []
        size = 0
        while self._outbox and len(taken) < MOST_RESULTS and size < MOST_BYTES:
            ended = self._outbox.popleft()
            size += _size(ended[1])
            taken.append(ended)
        return taken

    def _deliver(self, ended: list[Ended]) -> None:
        """Deliver these, or each half, or one as a failure: a value that is refused spoils no other."""
        self._journal.finishing(ended)
        try:
            not_ok = self._finish([result for _, result in ended])
        except _PASSING:
            self._let_go(ended)
        except Exception as error:  # noqa: BLE001  (whatever one value does)
            if len(ended) > 1:
                self._deliver(ended[: len(ended) // 2])
                self._deliver(ended[len(ended) // 2 :])
            else:
                self._deliver_as_failure(*ended[0], error)
        else:
            self._acknowledge(ended, not_ok)

    def _deliver_as_failure(self, attempt: Attempt, result: Result, error: Exception) -> None:
        self._journal.unstorable(attempt, error)
        if result["outcome"] == "failed":
            self._let_go([(attempt, result)])
        else:
            self._deliver([(attempt, self._endings.unstorable(attempt, error))])

    def _finish(self, results: list[Result]) -> dict[str, str]:
        """By token, what came of those that are not ok; however long it takes.

        Raises what another try does not cure.
        """
        told = columns.columns(results, _DONE if all(map(_is_done, results)) else _FIELDS)
        pause = FIRST_PAUSE
        while True:
            try:
                answer = self._transport.call("finish", {"p_session": self._session.id, "p_results": told})
            except _PASSING as error:
                self._outage.failed(RESULTS, error)
                if self._give_up_at is not None and monotonic() + pause > self._give_up_at:
                    raise
                Event().wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                self._outage.over(RESULTS)
                self._clock.set(answer["now"])
                return {each["token"]: each["outcome"] for each in answer["results"]}

    def _acknowledge(self, ended: list[Ended], not_ok: Mapping[str, str]) -> None:
        written = []
        for attempt, result in ended:
            if not_ok and not_ok.get(attempt.token) == "stale":
                self._journal.refused(attempt, result["outcome"])
            else:
                self._journal.finished(attempt, result)
                written.append((attempt, result))
        self._delivered(written)
        self._let_go(ended)

    def _let_go(self, ended: list[Ended]) -> None:
        attempts = [attempt for attempt, _ in ended]
        self._holdings.delivered(attempts)
        self._logbook.forget(attempt.token for attempt in attempts)
        self._told_over(attempts)

    def _write_logs(self) -> None:
        lines, progress = self._logbook.take()
        try:
            for start in range(0, len(lines), LINES_A_CALL):
                self._append(lines[start : start + LINES_A_CALL])
            for each in progress:
                self._transport.call("set_progress", each)
        except _PASSING as error:
            self._outage.failed(LOGS, error)
            self._logbook.put_back(lines, progress)  # writing a line twice is harmless
        except TransportError as error:
            self._journal.trouble(f"{len(lines)} lines of the runs' logs could not be stored: {error}", error)
        else:
            self._outage.over(LOGS)

    def _append(self, lines: list[Line]) -> None:
        self._transport.call("append_logs", {"p_session": self._session.id, "p_logs": lines})


def _is_done(result: Result) -> bool:
    return len(result) == _PLAIN and result["outcome"] == "completed"


def _size(result: Result) -> int:
    """Bytes as JSON, about. Most results are plain, and of one size."""
    if len(result) == _PLAIN:
        return 250
    return 250 + len(to_json((result.get("result"), result.get("error"))))
