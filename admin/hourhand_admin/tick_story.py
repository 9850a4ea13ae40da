"""What `hourhand tick` prints: a start and an end for each run, in order, and a summary."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from threading import Lock

RULE = "=" * 60


class State(Enum):
    """How a run stands, by its sign in the summary. One that was cancelled or put off has not failed."""

    COMPLETED = "✅"
    FAILED = "❌"
    OTHER = "➖"


@dataclass(slots=True)
class Job:
    """One run, over all its attempts in this pass. As long as nothing is known of it, it counts as failed."""

    name: str
    state: State = State.FAILED
    milliseconds: float = 0.0
    message: str = ""


@dataclass(slots=True)
class _Attempt:
    run_id: int
    title: str
    is_announced: bool = False
    ending: str | None = None


class Story:
    """Told by several threads, and retold in order.

    A run may be claimed before the end of the one before is written: then its lines wait for their turn.
    """

    def __init__(self, print_line: Callable[[str], None]) -> None:
        self._print = print_line
        self._jobs: dict[int, Job] = {}
        self._attempts: deque[_Attempt] = deque()
        self._lock = Lock()

    @property
    def jobs(self) -> dict[int, Job]:
        """By run, in the order in which they were fired or started."""
        return self._jobs

    def begin(self, now: datetime) -> None:
        self._print("🚀 BACKGROUND JOB RUNNER")
        self._print(RULE)
        self._print(f"Started at: {now.astimezone(UTC).isoformat(timespec='milliseconds')[:-6]}Z")

    def expect(self, run_id: int, name: str) -> None:
        """A run that was fired, whoever starts it."""
        with self._lock:
            self._jobs.setdefault(run_id, Job(name))

    def dismiss(self, run_id: int) -> None:
        """A run that is told by others."""
        with self._lock:
            self._jobs.pop(run_id, None)

    def started(self, run_id: int, name: str, attempt: int) -> None:
        with self._lock:
            job = self._jobs.setdefault(run_id, Job(name))
            again = f" (attempt {attempt})" if attempt > 1 else ""
            self._attempts.append(_Attempt(run_id, f"{job.name}{again}"))
            self._tell()

    def ended(self, run_id: int, state: State, milliseconds: float, message: str) -> None:
        with self._lock:
            job = self._jobs[run_id]
            job.state, job.message = state, message
            job.milliseconds += milliseconds
            for attempt in self._attempts:
                if attempt.run_id == run_id and attempt.ending is None:
                    attempt.ending = _ending(attempt.title, state, milliseconds, message)
            self._tell()

    def _tell(self) -> None:
        while self._attempts:
            attempt = self._attempts[0]
            if not attempt.is_announced:
                self._print(f"\n{RULE}\n🔄 Starting job: {attempt.title}\n{RULE}")
                attempt.is_announced = True
            if attempt.ending is None:
                return
            self._print(attempt.ending)
            self._attempts.popleft()

    def end(self, seconds: float) -> bool:
        """Prints the summary; whether nothing failed."""
        jobs = self._jobs.values()
        failed = [job for job in jobs if job.state is State.FAILED]
        completed = sum(job.state is State.COMPLETED for job in jobs)
        self._print(f"\n{RULE}\n📊 JOB RUN SUMMARY\n{RULE}")
        self._print(f"Total duration: {seconds * 1000:.0f}ms")
        self._print(f"Successful jobs: {completed}/{len(jobs)}")
        self._print(f"Failed jobs: {len(failed)}/{len(jobs)}")
        self._list("Failed jobs:", [f"  - {job.name}: {job.message}" for job in failed])
        self._list("Job details:", [_detail(job) for job in jobs])
        self._print(RULE)
        return not failed

    def _list(self, title: str, lines: list[str]) -> None:
        if lines:
            self._print("\n".join(["", title, *lines]))


def _ending(title: str, state: State, milliseconds: float, message: str) -> str:
    said = {State.COMPLETED: "Job completed", State.FAILED: "Job failed", State.OTHER: "Job put off"}[state]
    reason = f": {message}" if message else ""
    return f"{state.value} {said}: {title} ({milliseconds:.0f}ms){reason}"


def _detail(job: Job) -> str:
    reason = f" ({job.message})" if job.state is State.OTHER else ""
    return f"  {job.state.value} {job.name}: {job.milliseconds:.0f}ms{reason}"
