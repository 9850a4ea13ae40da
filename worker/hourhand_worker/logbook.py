"""What tasks tell while they run: lines of log and progress, kept here until the finisher writes them."""

from collections import Counter
from collections.abc import Iterable
from threading import Lock
from time import monotonic
from typing import Any

from hourhand.redact import redact
from hourhand.run import Run
from hourhand.sanitise import sanitise, sanitise_text
from hourhand_worker.clock import Clock

PAUSE = 1.0
MOST_LINES = 10_000
MOST_BYTES_A_LINE = 16 * 1024
MOST_WAITING = 50_000
LINES_A_CALL = 500

Line = dict[str, Any]
Progress = dict[str, Any]


class Logbook:
    """Lines in the order they came, and the last progress of each run. Safe to use from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._lines: list[Line] = []
        self._written: Counter[str] = Counter()  # by token; forgotten when the attempt is over
        self._progress: dict[str, Progress] = {}
        self._next = 0.0

    def __len__(self) -> int:
        return len(self._lines) + len(self._progress)

    def due_in(self) -> float | None:
        """Seconds until there is something to write; None while there is nothing."""
        return max(0.0, self._next - monotonic()) if len(self) else None

    def log(self, run: Run, level: str, message: str) -> bool:
        """Whether something waits now, after nothing did."""
        text = sanitise_text(redact(message), MOST_BYTES_A_LINE)
        at = self._clock.at(monotonic())
        with self._lock:
            number = self._written[run.token] + 1
            if number > MOST_LINES or len(self._lines) >= MOST_WAITING:
                return False
            self._written[run.token] = number
            if number == MOST_LINES or len(self._lines) == MOST_WAITING - 1:
                level, text = "WARNING", "… what this attempt logged from here on is not kept"
            is_first = not len(self)
            self._lines.append(
                {
                    "run_id": run.id,
                    "token": run.token,
                    "attempt": run.attempt,
                    "seq": number,
                    "at": at,
                    "level": level,
                    "message": text,
                }
            )
        return is_first

    def progress(self, run: Run, progress: object) -> bool:
        """Whether something waits now, after nothing did."""
        told = {
            "p_run_id": run.id,
            "p_token": run.token,
            "p_progress": sanitise(progress, MOST_BYTES_A_LINE),
        }
        with self._lock:
            is_first = not len(self)
            self._progress[run.token] = told
        return is_first

    def take(self) -> tuple[list[Line], list[Progress]]:
        """All that waits; what comes later is due a pause from now."""
        with self._lock:
            lines, self._lines = self._lines, []
            progress, self._progress = list(self._progress.values()), {}
            self._next = monotonic() + PAUSE
        return lines, progress

    def put_back(self, lines: list[Line], progress: list[Progress]) -> None:
        """What could not be written. A progress that was told meanwhile is newer."""
        with self._lock:
            self._lines[:0] = lines
            self._progress = {each["p_token"]: each for each in progress} | self._progress

    def forget(self, tokens: Iterable[str]) -> None:
        """These attempts are over."""
        if self._written:
            with self._lock:
                for token in tokens:
                    self._written.pop(token, None)
