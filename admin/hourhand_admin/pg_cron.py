"""Schedules for the jobs of pg_cron, which Supabase calls Cron: from its table or from a file of its rows."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hourhand.errors import BadSchedule, BadScheduleFile, ContractMismatch, Denied
from hourhand.redact import redact
from hourhand.schedule_file import Entry
from hourhand.timetable import validate

if TYPE_CHECKING:
    from hourhand.transport.postgres import PostgresTransport

Keep = Literal["payload", "note"]
ZONE = "GMT"
"""What pg_cron goes by, unless its setting cron.timezone says otherwise."""

_SECONDS = re.compile(r"(\d{1,2}) seconds?", re.IGNORECASE)
_ONE_VALUE = re.compile(r"\b(\d+)-\1\b(?!/)")
_TRUE = {"t", "true", "1", "yes", "on"}


@dataclass(frozen=True, slots=True)
class Job:
    """A row of cron.job."""

    id: int
    name: str | None
    schedule: str
    command: str
    database: str
    active: bool

    def __str__(self) -> str:
        return f"job {self.id}" + (f" ({self.name})" if self.name else "")


@dataclass(slots=True)
class Proposal:
    """The schedule for a job; None where there can be none. The notes are sentences about what is odd."""

    job: Job
    entry: Entry | None
    notes: list[str] = field(default_factory=list)


# --- Reading ---


def from_table(database: PostgresTransport) -> tuple[list[Job], str]:
    """The jobs that this role may see, and pg_cron's time zone. Raises BadScheduleFile."""
    try:
        rows = database.query("select to_jsonb(j) from cron.job j order by jobid")
    except (ContractMismatch, Denied) as error:
        raise BadScheduleFile(
            f"the table cron.job cannot be read: {error.message}",
            "pg_cron is in one database of a server, often postgres; or give a CSV or JSON file of its rows.",
        ) from None
    [(zone,)] = database.query("select current_setting('cron.timezone', true)")
    return [_job(row) for (row,) in rows], zone or ZONE


def from_file(path: Path) -> list[Job]:
    """The jobs of a CSV file with a line of names, or of a JSON list of objects. Raises BadScheduleFile."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        rows = json.loads(text) if text.lstrip().startswith("[") else list(csv.DictReader(StringIO(text)))
        return [_job(row) for row in rows]
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        what = f"there is no column {error}" if isinstance(error, KeyError) else str(error)
        raise BadScheduleFile(
            f"{path} cannot be read: {what}",
            "It has to hold the rows of `select * from cron.job` as CSV with names, or as a JSON list.",
        ) from None


def _job(row: Mapping[str, Any]) -> Job:
    return Job(
        id=int(row["jobid"]),
        name=row.get("jobname") or None,
        schedule=str(row["schedule"]),
        command=str(row["command"]),
        database=str(row.get("database") or ""),
        active=str(row.get("active", True)).lower() in _TRUE,
    )


# --- Proposing ---


def propose(jobs: Sequence[Job], task: str, zone: str, keep: Keep = "payload") -> list[Proposal]:
    """A schedule of `task` for each job. What its SQL was becomes the payload `{"command": …}`, or a note."""
    taken: set[str] = set()
    proposals = []
    for job in jobs:
        proposal = _proposal(job, task, zone, keep)
        if proposal.entry and proposal.entry.name in taken:
            proposal.notes.append(f"the name {proposal.entry.name} is taken by a job before it")
            proposal.entry = None
        taken |= {proposal.entry.name} if proposal.entry else set()
        proposals.append(proposal)
    return proposals


def _proposal(job: Job, task: str, zone: str, keep: Keep) -> Proposal:
    notes: list[str] = []
    row = {
        "name": _name(job, notes),
        "task": task,
        **_timing(job.schedule, notes),
        "timezone": zone,
        # As pg_cron does: what was missed is gone, and a run waits for the one before.
        "catch_up": "skip",
        "overlap": "buffer_one",
        "is_active": job.active,
        **_kept(job, keep, notes),
    }
    try:
        validate(row, zone)
    except BadSchedule as error:
        return Proposal(job, None, [f"{error}{f' ({error.hint})' if error.hint else ''}"])
    if not job.active:
        notes.append("it is not active in pg_cron, and paused here")
    return Proposal(job, Entry(row["name"], row, job.id), notes)


def _name(job: Job, notes: list[str]) -> str:
    name = re.sub(r"[\x00-\x1f\x7f]", " ", job.name or "").strip()[:200].strip()
    if not name:
        name = f"cron-job-{job.id}"
        notes.append(f"it has no name in pg_cron; here it is {name}")
    elif name != job.name:
        notes.append(f"its name has been cleaned to {name}")
    return name


def _timing(schedule: str, notes: list[str]) -> dict[str, Any]:
    text = " ".join(schedule.split())
    if seconds := _SECONDS.fullmatch(text):
        notes.append(f"'{text}' is an interval here: every {int(seconds[1])} s")
        return {"every": int(seconds[1])}
    parts = text.split(" ")
    if len(parts) == 5 and "$" in parts[2]:
        parts[2] = parts[2].replace("$", "L")
        notes.append("the last day of the month, $ in pg_cron, is L here")
    text = _ONE_VALUE.sub(r"\1", " ".join(parts))
    return {"cron": text}


def _kept(job: Job, keep: Keep, notes: list[str]) -> dict[str, Any]:
    hidden = redact(job.command)
    where = f"job {job.id} of pg_cron" + (f" in database {job.database}" if job.database else "")
    if keep == "note":
        return {"description": f"{where}: {hidden}"}
    if hidden != job.command:
        notes.append(
            "its command holds a key or a password, which everyone who may read payloads would see:"
            " take it out, or use --keep note"
        )
    return {"description": where, "payload": {"command": job.command}}


def told(proposals: Sequence[Proposal]) -> Iterator[str]:
    """Each note as a sentence."""
    for proposal in proposals:
        for note in proposal.notes:
            refused = "" if proposal.entry else "not taken over: "
            yield f"{proposal.job}: {refused}{note}."
