"""Judges from the tables alone what schedulers did: each due instant has one run, or one reason why not."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import psycopg

from hourhand.timetable import Timetable

TICK = timedelta(microseconds=1)
Rows = Sequence[tuple[Any, ...]]


@dataclass
class Verdict:
    """`judged` are due instants; `lost` have nothing; `doubled` is what they have beyond one decision and its run."""

    judged: int = 0
    lost: int = 0
    doubled: int = 0
    decisions: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        decisions = ", ".join(f"{count} {decision}" for decision, count in sorted(self.decisions.items()))
        return f"{self.judged} due instants judged ({decisions}): {self.lost} lost, {self.doubled} doubled"

    def blame(self, name: str, at: datetime, what: str) -> None:
        self.complaints.append(f"{name} at {at:%H:%M:%S}: {what}")


def judge(database: psycopg.Connection, first: datetime, last: datetime) -> Verdict:
    """All schedules, about their instants in [first, last]."""
    verdict = Verdict()
    for id_, name, row in _rows(database, "select id, name, to_jsonb(s) from hourhand.scheduled_jobs s"):
        every = _rows(
            database, "select extract(epoch from every) from hourhand.scheduled_jobs where id = %s", id_
        )
        due = Timetable.of(row | {"every": every[0][0] and float(every[0][0])}).between(
            first - TICK, last, 10**6
        )
        ledger = _rows(
            database,
            "select scheduled_for, coalesce(scheduled_until, scheduled_for), count, decision, run_id"
            " from hourhand.schedule_firings where schedule_id = %s",
            id_,
        )
        runs = _rows(database, "select scheduled_for, id from hourhand.job_runs where schedule_id = %s", id_)
        _judge(verdict, name, due, ledger, runs)
    return verdict


def _judge(verdict: Verdict, name: str, due: Sequence[datetime], ledger: Rows, runs: Rows) -> None:
    decided: Counter[datetime] = Counter()
    expected: Counter[tuple[datetime, int]] = Counter()
    for first, last, count, decision, run in ledger:
        covered = [at for at in due if first <= at <= last]
        verdict.decisions[decision] += len(covered)
        decided.update(covered)
        if len(covered) != count:
            decided[first] += count - len(covered)
            verdict.blame(name, first, f"a row counts {count} instants, there are {len(covered)}")
        if decision == "fired":
            expected[first, run] += 1
    verdict.judged += len(due)
    for at, count in _deviations(Counter(due), decided):
        verdict.lost += max(0, -count)
        verdict.doubled += max(0, count)
        verdict.blame(name, at, f"decided {1 + count} times")
    for (at, run), count in _deviations(expected, Counter((at, run) for at, run in runs)):
        verdict.lost += max(0, -count)
        verdict.doubled += max(0, count)
        verdict.blame(name, at, f"run {run} is there {count:+} times")


def _deviations(expected: Mapping[Any, int], found: Mapping[Any, int]) -> Iterator[tuple[Any, int]]:
    """What is there more (or less) often than it should."""
    for key in expected.keys() | found.keys():
        if deviation := found.get(key, 0) - expected.get(key, 0):
            yield key, deviation


def _rows(database: psycopg.Connection, query: str, *params: object) -> Rows:
    return database.execute(query.encode(), params).fetchall()
