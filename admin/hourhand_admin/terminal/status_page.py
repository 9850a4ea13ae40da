"""`hourhand status`: one screen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from hourhand.cli import table
from hourhand.harmless import harmless
from hourhand_admin.health import Finding, Status
from hourhand_admin.terminal import text

_HOURS = 24


def status_page(status: Status, findings: Iterable[Finding], state: str, where: str) -> str:
    now = text.instant(status["now"])
    assert now is not None
    parts = [
        f"hourhand: {state}    {where}    {text.local(now)}",
        *filter(
            None, [_services(status["services"], now), _counts(status), _next(status["next_firings"], now)]
        ),
        *(f"{finding.level}: {harmless(finding.what)}\n  {finding.fix}" for finding in findings),
    ]
    return "\n\n".join(parts)


def _services(services: list[dict[str, Any]], now: datetime) -> str:
    if not services:
        return "No service runs."
    rows = [
        (each["kind"], each["name"], each["state"], each["host"], each["pid"],
         text.ago(text.instant(each["started_at"]), now), text.ago(text.instant(each["beat_at"]), now))
        for each in services
    ]  # fmt: skip
    return table(rows, ("service", "name", "state", "host", "pid", "started", "last beat"))


def _counts(status: Status) -> str:
    schedules, depth = status["schedules"], status["depth"]
    oldest = status["oldest_pending_s"] or None
    return text.fields(
        [
            (
                "schedules",
                f"{_listed(schedules, ('active', 'paused'))}, {schedules['quarantined']} broken",
            ),
            ("due", f"{schedules['due']}, late {status['due_late']}"),
            ("runs", _listed(depth, ("pending", "processing"))),
            ("oldest pending", None if oldest is None else text.duration(oldest)),
            ("failed in 24 h", status["failures_24h"]),
            ("runs per hour", _per_hour(status)),
        ]
    )


def _listed(counts: dict[str, int], names: Iterable[str]) -> str:
    return ", ".join(f"{counts.get(name, 0)} {name}" for name in names)


def _per_hour(status: Status) -> str:
    """The last 24 hours as bars, oldest first."""
    counts = list(hourly(status))
    return f"{text.bars(counts)}  {sum(counts)} in 24 h, at most {max(counts)} in one"


def hourly(status: Status) -> Iterator[int]:
    """How many runs ended in each of the last 24 hours, oldest first."""
    ended = {
        text.instant(each["hour"]): each["completed"] + each["failed"] for each in status["runs_per_hour"]
    }
    now = text.instant(status["now"])
    assert now is not None
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    for age in reversed(range(_HOURS)):
        yield ended.get(this_hour - timedelta(hours=age), 0)


def _next(firings: list[dict[str, Any]], now: datetime) -> str:
    rows = [
        (
            text.ago(text.instant(each["at"]), now),
            each["schedule"],
            each["task"],
            text.local(text.instant(each["at"])),
        )
        for each in firings
    ]
    return table(rows, ("next", "schedule", "task", "at")) if rows else ""
