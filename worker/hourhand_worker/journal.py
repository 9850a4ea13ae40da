"""The worker's event log.

An intent is written before the call to the database, and what came of it after the answer. Events that only
programs read (claims, intents, beats) have no message.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from time import monotonic
from typing import Any

from hourhand import log
from hourhand_worker.attempt import Attempt, Result

MOST_LINES = 1000
"""A second, about runs that go well. In the text log a fast worker would spend its time on these."""


class Journal:
    """`session` of the lines is the one that is open when they are written."""

    def __init__(self) -> None:
        self.session = ""
        self._second = self._lines = 0
        # Of runs that ended without a line: each number has its own thread that writes it.
        self._unsaid = self._summed_up = 0

    # --- The process ---

    def started(self, poll: timedelta) -> None:
        message = f"hourhand worker started. Polling every {poll.total_seconds():g} seconds"
        log.event("worker.started", message=message, session=self.session)

    def state(self, **fields: Any) -> None:
        """What a signal asked for."""
        shown = ", ".join(f"{name} {value}" for name, value in fields.items())
        log.event("worker.state", message=f"State: {shown}", session=self.session, **fields)

    # --- Sessions ---

    def opened(self) -> None:
        log.event("session.opened", session=self.session)

    def beat(self, held: int) -> None:
        self._sum_up()
        log.event("session.beat", session=self.session, held=held)

    def rescued(self, runs: int) -> None:
        message = f"Took back {runs} run(s) of workers that were lost"
        log.event("run.rescued", "WARNING", message, session=self.session, runs=runs)

    def lost(self, session: str, runs: int) -> None:
        message = f"The lease of this session has ended; {runs} run(s) are no longer ours"
        log.event("session.lost", "WARNING", message, session=session, runs=runs)

    def closed(self) -> None:
        self._sum_up()
        log.event("session.closed", session=self.session)

    # --- Runs ---

    def claiming(self, claim: str, most: int) -> None:
        log.event("run.claim.intent", session=self.session, claim=claim, most=most)

    def claimed(self, attempts: Iterable[Attempt]) -> None:
        log.events("run.claimed", map(self._of, attempts))

    def begun(self, attempt: Attempt) -> None:
        if log.enabled("INFO") and self._has_room():
            message = f"Processing job run {attempt.id} ({attempt.task.name})"
            log.event("run.started", message=message, **self._of(attempt))

    def finishing(self, ended: Sequence[tuple[Attempt, Result]]) -> None:
        log.events(
            "run.finish.intent",
            ({**self._of(attempt), "outcome": result["outcome"]} for attempt, result in ended),
        )

    def finished(self, attempt: Attempt, result: Result) -> None:
        outcome = result["outcome"]
        level = "WARNING" if outcome in ("failed", "retry") else "INFO"
        if not log.enabled(level):
            return
        if level == "INFO" and not self._has_room():
            self._unsaid += 1
            return
        error = result.get("error") or {}
        log.event(
            "run.finished",
            level,
            _sentence(attempt, result),
            **self._of(attempt),
            outcome=outcome,
            duration_ms=result["duration_ms"],
            delay=result.get("delay"),
            error_class=error.get("class"),
            error=error.get("message"),
        )

    def refused(self, attempt: Attempt, outcome: str | None) -> None:
        message = f"The end of job run {attempt.id} does not count: the run has gone on without this worker"
        log.event("run.refused", "WARNING", message, **self._of(attempt), outcome=outcome)

    def released(self, attempt: Attempt, outcome: str) -> None:
        if outcome == "ok":
            message = f"Gave job run {attempt.id} ({attempt.task.name}) back"
            log.event("run.released", message=message, **self._of(attempt), outcome=outcome)
        else:
            self.refused(attempt, outcome)

    def abandoned(self, attempt: Attempt, threads: int) -> None:
        message = f"Job run {attempt.id} is out of time, but its task goes on: nothing can stop it"
        log.event("run.abandoned", "WARNING", message, **self._of(attempt), abandoned=threads)

    # --- Trouble ---

    def unstorable(self, attempt: Attempt, error: Exception) -> None:
        message = f"The result of job run {attempt.id} could not be stored"
        log.event("run.unstorable", "ERROR", message, error=error, **self._of(attempt))

    def trouble(self, what: str, error: BaseException | None = None) -> None:
        log.event("worker.trouble", "WARNING", what, error=error, session=self.session)

    def stopping(self, running: int, patience: float) -> None:
        """Only where there is something to wait for."""
        if running:
            message = f"Stopping: {running} run(s) may end within {patience:g} seconds"
            log.event("worker.stopping", message=message, session=self.session, running=running)

    def note(self, message: str, **fields: Any) -> None:
        log.event("worker.note", message=message, **fields)

    def _has_room(self) -> bool:
        if log.enabled("INFO", message=False):
            return True  # this log is for programs, and complete
        second = int(monotonic())
        if second != self._second:
            self._second, self._lines = second, 0
        self._lines += 1
        return self._lines <= MOST_LINES

    def _sum_up(self) -> None:
        runs = self._unsaid - self._summed_up
        if runs:
            message = f"{runs} more job run(s) ended well, too fast for a line each"
            log.event("worker.summary", message=message, session=self.session, runs=runs)
            self._summed_up += runs

    def _of(self, attempt: Attempt) -> dict[str, Any]:
        return {
            "session": attempt.session,
            "run_id": attempt.id,
            "attempt": attempt.row["attempt"],
            "token": attempt.token,
            "task": attempt.task.name,
        }


def _sentence(attempt: Attempt, result: Result) -> str:
    run, took = f"Job run {attempt.id} ({attempt.task.name})", f"after {result['duration_ms']:.0f} ms"
    again = f"again in {round(result.get('delay') or 0, 1):g} s"
    match result["outcome"]:
        case "completed":
            return f"{run} completed {took}"
        case "cancelled":
            return f"{run} was cancelled {took}"
        case "snooze":
            return f"{run} put itself off; {again}"
        case outcome:
            failed = f"{run} failed, {_which(attempt)}: {_named(result['error'])}"
            return f"{failed}; {again}" if outcome == "retry" else failed


def _which(attempt: Attempt) -> str:
    # Those whose worker was lost are numbered too, but do not count.
    return f"attempt {attempt.row['attempt']} of {attempt.row['max_attempts'] + attempt.row['lost_count']}"


def _named(error: Mapping[str, str]) -> str:
    return ": ".join(filter(None, (error.get("class"), error.get("message"))))
