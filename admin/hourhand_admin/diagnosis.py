"""What `hourhand doctor` finds: each check in turn, ending early where the next would make no sense."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from hourhand.durations import format_duration
from hourhand.errors import FAILED, BadSetting, ContractMismatch, Denied, HourhandError, Unavailable
from hourhand_admin import health, openings
from hourhand_admin.health import Finding, FindingId

if TYPE_CHECKING:
    from hourhand.client import Client
    from hourhand.records import ScheduleRecord
    from hourhand.sql.script import Schema
    from hourhand_admin.pipeline import Step

CLOCK_TOLERANCE = timedelta(seconds=2)
_MOST_NAMED = 20

_IDS: dict[type[HourhandError], FindingId] = {
    BadSetting: "settings",
    Unavailable: "database-unreachable",
    Denied: "permissions",
    ContractMismatch: "schema",
}


@dataclass
class Diagnosis:
    """What was checked and is well (name and fact), what is not, and how far a run came through."""

    passed: list[tuple[str, str]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    steps: list[Step] | None = None
    broken_off: bool = False
    exit_code: int = 0

    def add(self, error: HourhandError) -> None:
        """What an error of the database or the settings means."""
        finding = Finding(_IDS.get(type(error), "database"), "down", str(error), error.hint or "")
        self.findings.append(finding)
        self.exit_code = error.exit_code
        self.broken_off = True

    def as_json(self) -> dict[str, Any]:
        tested = {} if self.steps is None else {"pipeline": [step.as_json() for step in self.steps]}
        return {
            "ok": self.exit_code == 0,
            "state": health.state(self.findings),
            "passed": [{"id": name, "what": told} for name, told in self.passed],
            "findings": [finding.as_json() for finding in self.findings],
            **tested,
        }


def diagnose(client: Client) -> Diagnosis:
    """All checks. An error of the database becomes a finding."""
    found = Diagnosis()
    found.passed.append(("settings", f"the database is {client.settings.database}"))
    try:
        _check(client, found)
    except HourhandError as error:
        found.add(error)
    else:
        serious = health.state(found.findings) != "ok"
        found.exit_code = FAILED if serious else 0
    return found


def test_pipeline(
    client: Client, found: Diagnosis, queue: str, timeout: timedelta, *, schedule: bool
) -> None:
    """Send a run through, and add to `found` how far it came. A TransportError becomes a finding."""
    from hourhand_admin.pipeline import Pipeline, Stuck

    pipeline = Pipeline(client, queue, timeout)
    found.steps = []
    try:
        with closing(pipeline.by_schedule() if schedule else pipeline.by_run()) as steps:
            found.steps.extend(steps)
    except Stuck as stuck:
        found.findings.append(stuck.finding)
        found.exit_code = FAILED
    except HourhandError as error:
        found.add(error)


def of_error(error: HourhandError) -> Diagnosis:
    """For what was wrong before a check could be made, such as a setting."""
    found = Diagnosis()
    found.add(error)
    return found


def _check(client: Client, found: Diagnosis) -> None:
    info, skew = _timed_info(client)
    found.passed.append(("database", f"Postgres {info['server_version']}, database {info['database']}"))
    found.findings += _schema(info)
    found.findings += _clock(skew)
    status = client.call("get_status")
    found.passed.append(("permissions", "the functions may be called"))
    found.findings += openings.find(client)
    found.findings += _judged(client, status)
    found.findings += _unreachable(client)
    found.passed += _well(found.findings, status)


def _timed_info(client: Client) -> tuple[Mapping[str, Any], timedelta]:
    """The handshake, and how far this computer's clock is ahead of the database's."""
    client.call("info")  # so that the time to connect is not part of the measurement
    before = time.time()
    info = client.call("info")
    here = datetime.fromtimestamp((before + time.time()) / 2, UTC)
    return info, here - datetime.fromisoformat(info["now"])


def _schema(info: Mapping[str, Any]) -> Iterator[Finding]:
    from hourhand import migrate

    schema = _own_schema()
    if mismatch := migrate.refusal(info, schema):
        yield Finding("schema", "down", mismatch.message, mismatch.hint or "")
    elif difference := migrate.how_it_differs(info, schema):
        newer = info["schema_version"] > schema.version
        yield Finding("schema", "note" if newer else "degraded", *difference)


@cache
def _own_schema() -> Schema:
    """That of this package, some two hundred files: read once, also for a page that asks again and again."""
    from hourhand.sql.script import read

    return read()


def _clock(skew: timedelta) -> Iterator[Finding]:
    if abs(skew) > CLOCK_TOLERANCE:
        ahead = "ahead of" if skew > timedelta() else "behind"
        yield Finding(
            "clock",
            "note",
            f"the clock of this computer is {format_duration(abs(skew))} {ahead} the database's",
            "Nothing fires wrongly, only the database's clock counts; but times in logs differ. Use NTP.",
        )


def _judged(client: Client, status: Mapping[str, Any]) -> Iterator[Finding]:
    """The findings of `hourhand status`, with the schedules called by their names."""
    for finding in health.judge(status):
        if finding.id == "broken-schedule":
            yield from _broken(client)
        elif finding.id == "late-schedule":
            yield from _late(client)
        else:
            yield finding


def _unreachable(client: Client) -> Iterator[Finding]:
    """Destinations of alerts and pings that could not be reached of late."""
    try:
        destinations = client.call("list_alerts", p_limit=1)["unreachable"]
    except ContractMismatch:
        return  # a schema before this function; that it is old has been told
    for each in destinations:
        waiting = f"{each['waiting']} message{'s' if each['waiting'] != 1 else ''}"
        yield Finding(
            "undelivered-alerts",
            "degraded",
            f"{waiting} to {each['destination']} could not be delivered: {each['error']}",
            "Correct its setting or address, restart the daemons, and try: hourhand alert test",
        )


def _broken(client: Client) -> Iterator[Finding]:
    for schedule in _schedules(client, "broken"):
        yield Finding(
            "broken-schedule",
            "degraded",
            f"schedule {schedule.name} is stopped by an error: {schedule.error}",
            f"Correct it: hourhand schedule edit {schedule.name} …; or try again: "
            f"hourhand schedule resume {schedule.name}",
        )


def _late(client: Client) -> Iterator[Finding]:
    now = client.now()
    for schedule in _schedules(client, "late"):
        if schedule.next_run_at is None or schedule.next_run_at > now:
            continue  # it has fired meanwhile
        yield Finding(
            "late-schedule",
            "degraded",
            f"schedule {schedule.name} is late by {format_duration(now - schedule.next_run_at)}",
            "Is the scheduler running and reaching the database? See: hourhand logs --service scheduler",
        )


def _schedules(client: Client, state: str) -> Iterator[ScheduleRecord]:
    from hourhand.records import ScheduleRecord

    answer = client.call("list_schedules", p_filter={"state": state}, p_limit=_MOST_NAMED)
    return map(ScheduleRecord.model_validate, answer["schedules"])


def _well(findings: list[Finding], status: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What each check that found nothing has seen."""
    wrong = {finding.id for finding in findings}
    active, pending = status["schedules"]["active"], status["depth"].get("pending", 0)
    checks = [
        ("schema", "schema", "the schema is that of this package"),
        ("access", "open-access", "nobody may do more than is due"),
        ("clock", "clock", f"the clocks are less than {format_duration(CLOCK_TOLERANCE)} apart"),
        ("scheduler", "no-scheduler", f"{len(health.alive(status, 'scheduler'))} alive"),
        ("worker", "no-worker", f"{len(health.alive(status, 'worker'))} alive"),
        ("leases", "service-late", "no service is silent"),
        ("tasks", "unknown-task", "every task with waiting runs has a worker"),
        ("queues", "unserved-queue", "every queue with waiting runs has a worker"),
        ("schedules", "broken-schedule", f"{active} active, none is stopped by an error"),
        ("punctuality", "late-schedule", "no schedule is late"),
        ("backlog", "backlog", f"{pending} pending, none waits too long"),
        ("alerts", "undelivered-alerts", "every alert that was due has been delivered"),
    ]
    return ((check, fact) for check, finding, fact in checks if finding not in wrong)
