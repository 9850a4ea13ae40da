"""What is wrong with an installation, judged from the answer of `get_status`; pure.

down      nothing fires or nothing runs
degraded  something waits, or is about to, that should not
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from hourhand.durations import format_duration

Level = Literal["note", "degraded", "down"]
State = Literal["ok", "degraded", "down"]
FindingId = Literal[
    "settings",
    "database-unreachable",
    "database",
    "permissions",
    "schema",
    "open-access",
    "clock",
    "no-scheduler",
    "no-worker",
    "service-late",
    "unknown-task",
    "unserved-queue",
    "broken-schedule",
    "late-schedule",
    "backlog",
    "paused-queue",
    "undelivered-alerts",
    "pipeline-fire",
    "pipeline-claim",
    "pipeline-run",
]
"""Stable; each has a section in the page of findings."""

Status = Mapping[str, Any]

BACKLOG = timedelta(minutes=5)
"""A run that has waited longer than this for a worker."""

FINDINGS_PAGE = "docs/reference/findings.md"
"""What each means, by its id."""

_BOTH = "Both services are needed: the scheduler makes the runs, the worker runs them."


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: what it is, and what to try."""

    id: FindingId
    level: Level
    what: str
    fix: str

    def as_json(self) -> dict[str, str]:
        return {**asdict(self), "page": f"{FINDINGS_PAGE}#{self.id}"}


def state(findings: Iterable[Finding]) -> State:
    levels = {finding.level for finding in findings}
    return "down" if "down" in levels else "degraded" if "degraded" in levels else "ok"


def judge(status: Status) -> list[Finding]:
    """All findings, the worst first."""
    found = [
        *_services(status),
        *_unknown_tasks(status),
        *_unserved_queues(status),
        *_schedules(status),
        *_backlog(status),
        *_paused_queues(status),
    ]
    return sorted(found, key=lambda finding: ("down", "degraded", "note").index(finding.level))


def alive(status: Status, kind: str) -> list[dict[str, Any]]:
    return [each for each in status["services"] if each["kind"] == kind and each["state"] == "alive"]


def _services(status: Status) -> Iterator[Finding]:
    needed: tuple[tuple[FindingId, str, str], ...] = (
        ("no-scheduler", "scheduler", "nothing is fired"),
        ("no-worker", "worker", "nothing is run"),
    )
    for finding, kind, effect in needed:
        if not alive(status, kind):
            yield Finding(
                finding,
                "down",
                f"no {kind} is alive, so {effect}. {_BOTH}",
                f"Start one: hourhand {kind}",
            )
    for service in status["services"]:
        if service["state"] == "late" and service["kind"] != "cli":  # nobody starts a command again
            who = f"{service['kind']} {service['name']} on {service['host']} (pid {service['pid']})"
            yield Finding(
                "service-late",
                "degraded",
                f"{who} is silent for more than its lease of {format_duration(service['lease'])}",
                "Does its process run, and reach the database? `hourhand doctor --fix` takes its runs back.",
            )


def _unknown_tasks(status: Status) -> Iterator[Finding]:
    if not alive(status, "worker"):
        return  # then that is the trouble
    for each in status["unknown_tasks"]:
        yield Finding(
            "unknown-task",
            "degraded",
            f"no worker that is alive can run {each['task']}, and {each['pending']} of its runs wait",
            "Start a worker with the module that defines it (--tasks), or cancel them: "
            f"hourhand run cancel --status pending --task {each['task']}",
        )


def _unserved_queues(status: Status) -> Iterator[Finding]:
    if not alive(status, "worker"):
        return  # then that is the trouble
    # The functions of a release before this one do not say it yet.
    for each in status.get("unserved_queues", ()):
        yield Finding(
            "unserved-queue",
            "degraded",
            f"no worker that is alive takes from queue {each['queue']}, "
            f"and {each['pending']} of its runs wait",
            "Name it in HOURHAND_QUEUES of a worker (else it takes from `default`), or cancel them: "
            f"hourhand run cancel --status pending --queue {each['queue']}",
        )


def _schedules(status: Status) -> Iterator[Finding]:
    if quarantined := status["schedules"]["quarantined"]:
        yield Finding(
            "broken-schedule",
            "degraded",
            f"{quarantined} {_schedule_is(quarantined)} stopped by an error",
            "`hourhand schedule list` shows it; `hourhand schedule edit NAME` or `resume NAME` tries again.",
        )
    if late := status["due_late"]:
        yield Finding(
            "late-schedule",
            "degraded",
            f"{late} {_schedule_is(late)} more than a minute late",
            "Is the scheduler running and reaching the database? See `hourhand logs --service scheduler`.",
        )


def _schedule_is(count: int) -> str:
    return "schedule is" if count == 1 else "schedules are"


def _backlog(status: Status) -> Iterator[Finding]:
    # The functions of a release before this one do not say it yet.
    oldest = status.get("backlog_s", status["oldest_pending_s"])
    if oldest is not None and oldest > BACKLOG.total_seconds():
        yield Finding(
            "backlog",
            "degraded",
            f"the oldest run that could run has waited for {format_duration(oldest)}",
            "Start more workers, or let one do more at once (HOURHAND_CONCURRENCY) "
            "or take from more queues (HOURHAND_QUEUES): `hourhand queue list` shows where runs wait.",
        )


def _paused_queues(status: Status) -> Iterator[Finding]:
    for name in status["paused_queues"]:
        told = f"queue {name} is paused{_since(status, name)}"
        yield Finding("paused-queue", "note", told, f"Open it: hourhand queue resume {name}")


def _since(status: Status, queue: str) -> str:
    pause = status.get("pauses", {}).get(queue)
    if pause is None:
        return ""
    age = datetime.fromisoformat(status["now"]) - datetime.fromisoformat(pause["paused_at"])
    note = f": {pause['note']}" if pause["note"] else ""
    return f", for {format_duration(age)} by now{note}"
