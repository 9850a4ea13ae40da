"""`hourhand run show`: everything about one run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from hourhand.cli import table
from hourhand.records import RunRecord
from hourhand_admin.terminal import text

_AT_ONCE = timedelta(seconds=1)


def run_page(run: RunRecord, now: datetime) -> str:
    return "\n\n".join(_parts(run, now))


def _parts(run: RunRecord, now: datetime) -> Iterator[str]:
    more = run.model_extra or {}
    yield f"run {run.id} of {run.task}: {run.status}"
    yield text.fields(
        [
            ("queue", run.queue),
            ("priority", run.priority or None),
            ("trigger", _trigger(run, more)),
            ("attempt", f"{run.attempt} of {run.max_attempts}"),
            ("timeout", text.duration(run.timeout)),
            ("key", more.get("unique_key")),
            ("concurrency key", more.get("concurrency_key")),
            ("worker", more.get("worker")),
            ("created", text.local_and_ago(run.created_at, now)),
            ("run at", _run_at(run, now)),
            ("started", text.local_and_ago(run.started_at, now)),
            ("ended", text.local_and_ago(run.finished_at, now)),
            ("took", text.duration(run.duration)),
            ("cancelled", more.get("cancel_reason")),
            ("payload", text.as_json(run.payload)),
            ("progress", text.as_json(run.progress) if run.progress is not None else None),
            ("result", text.as_json(run.result) if run.result is not None else None),
            ("error", run.error),
            ("children", ", ".join(map(str, more.get("children", ())))),
        ]
    )
    if more.get("attempts"):
        yield _attempts(more["attempts"])


def _run_at(run: RunRecord, now: datetime) -> str | None:
    """Only where it is not simply the time of creation."""
    if run.run_at is None or (run.created_at and abs(run.run_at - run.created_at) < _AT_ONCE):
        return None
    return text.local_and_ago(run.run_at, now)


def _trigger(run: RunRecord, more: dict[str, Any]) -> str:
    trigger = run.trigger or text.NONE
    if more.get("schedule"):
        trigger += f", schedule {more['schedule']}"
    if run.scheduled_for is not None:
        trigger += f" for {text.local(run.scheduled_for)}"
    if run.retry_of is not None:
        trigger += f" of run {run.retry_of}"
    if run.parent_id is not None:
        trigger += f", child of run {run.parent_id}"
    return trigger


def _attempts(attempts: list[dict[str, Any]]) -> str:
    rows = [
        (each["attempt"], each["outcome"], text.local(text.instant(each["ended_at"])), _took(each),
         each["worker"], text.shorten(_error(each), 100))
        for each in attempts
    ]  # fmt: skip
    shown = table(rows, ("attempt", "outcome", "ended", "took", "worker", "error"))
    trace = attempts[-1].get("traceback")
    return f"{shown}\n\n{text.harmless(trace.rstrip())}" if trace else shown


def _took(attempt: dict[str, Any]) -> str:
    took = attempt["duration_ms"]
    return text.NONE if took is None else text.duration(took / 1000)


def _error(attempt: dict[str, Any]) -> str:
    return ": ".join(part for part in (attempt["error_class"], attempt["message"]) if part)
