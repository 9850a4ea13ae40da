"""The built-in task `hourhand.sequence`: other tasks one after the other.

    {"steps": [{"task": "ingest-rss"}, {"task": "clean-news", "payload": {"limit": 50}}]}

Every worker knows it. Each step is a child run, enqueued when the one before has ended, failed or not. In
between the sequence takes no place in a worker: it looks, is put off, and looks again when its step has
ended. Its result is the summary of all steps; it fails when one of them has failed.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, Required

from pydantic import AfterValidator, ConfigDict, Field
from typing_extensions import TypedDict

from hourhand.durations import parse_duration
from hourhand.outcome import Discard, Snooze
from hourhand.run import Run
from hourhand.tasks import Task

NAME = "hourhand.sequence"
MOST_STEPS = 1000

_LONGEST_TIMEOUT = timedelta(days=30)
_LONGEST_REASON = 200


def _timeout(value: float | str) -> float | str:
    span = parse_duration(value) if isinstance(value, str) else timedelta(seconds=value)
    if timedelta() < span <= _LONGEST_TIMEOUT:
        return value
    raise ValueError("a timeout is more than 0 seconds and at most 30 days")


class Step(TypedDict, total=False):
    """What is left out comes from the task, the priority from the sequence; `timeout`: seconds or `15m`."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]

    task: Required[Annotated[str, Field(min_length=1, max_length=200)]]
    payload: dict[str, Any] | list[Any]
    queue: Annotated[str, Field(min_length=1, max_length=100)]
    priority: Annotated[int, Field(ge=-100, le=100)]
    max_attempts: Annotated[int, Field(ge=1, le=1000)]
    timeout: Annotated[float | str, AfterValidator(_timeout)]


Steps = Annotated[list[Step], Field(min_length=1, max_length=MOST_STEPS)]


def run_steps(steps: Steps, run: Run) -> dict[str, Any] | None:  # noqa: ARG001  (the database reads them)
    look = run.advance()
    if look["outcome"] == "waiting":
        raise Snooze(look["wait"])
    if look["outcome"] == "stale":
        return None  # another worker goes on with it, and nobody reads what is returned here
    return _summary(look["steps"])


sequence = Task(run_steps, NAME, description="Run other tasks one after the other.")
"""Not registered: a worker adds it to the tasks it is given."""


def _summary(steps: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Raises Discard with the summary, when a step has failed."""
    failed = [step for step in steps if step["status"] == "failed"]
    succeeded = sum(step["status"] == "completed" for step in steps)
    summary = {"steps": steps, "succeeded": succeeded, "failed": len(failed)}
    if failed:
        reasons = "; ".join(f"{step['task']}: {_reason(step)}" for step in failed)
        raise Discard(f"{len(failed)} of {len(steps)} steps failed: {reasons}", summary)
    return summary


def _reason(step: Mapping[str, Any]) -> str:
    lines = (step["error"] or "failed").splitlines()
    return lines[0][:_LONGEST_REASON]
