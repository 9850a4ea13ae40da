"""What is to be decided about one schedule at one moment: pure, without clock or database.

Each instant up to now that is still undecided either runs or is noted with the reason why not:

1. excluded, paused and expired (older than `start_deadline`) instants do not run;
2. the newest is on time while it is not older than a minute, and then it runs;
3. all others are late, and `catch_up` decides: `skip` runs none of them, `all` each, and `last` leaves it at
   one run, that of the newest instant that may run. None older than `catch_up_window` runs.

No more than the newest `catch_up_limit` instants run at once. `catch_up_window` is by default as long as the
time between two instants, but at least an hour and at most a day.

A sleeper, on a machine that is not always on, makes up for whatever it missed by one run, a while later: the
machine may only just have been started.
"""

import hashlib
from collections.abc import Iterable, Iterator, Set
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby

from hourhand_scheduler.firing import Firing, Note, PlannedRun
from hourhand_scheduler.rules import Rules
from hourhand_scheduler.schedule import Schedule

TICK = timedelta(microseconds=1)

START_UP, START_UP_SPREAD = timedelta(seconds=60), timedelta(seconds=10)
"""How much later a sleeper makes up for what it missed; the spread differs from schedule to schedule."""


def plan(schedule: Schedule, now: datetime) -> Firing:
    """The firing of `schedule` at `now` (the database's time, UTC).

    Without a `next_run_at` it only computes one, strictly after now: whatever was created, edited or
    resumed never fires at once.
    """
    firing = schedule.firing()
    if schedule.runs_left == 0:
        return firing
    if schedule.next_run_at is not None and schedule.next_run_at <= now:
        firing = _decide(firing, schedule, schedule.next_run_at, now)
    return replace(firing, then=schedule.timetable.next(now))


def jittered(schedule: Schedule, at: datetime) -> datetime:
    """`at` moved by less than `jitter`, always by the same for the same schedule and instant."""
    return at + schedule.jitter * _chance(schedule, at)


def _chance(schedule: Schedule, at: datetime) -> float:
    """From 0 to below 1."""
    digest = hashlib.blake2b(f"{schedule.id}:{at.isoformat()}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


# --- From the instants that are due to runs and notes ---


def _decide(firing: Firing, schedule: Schedule, first: datetime, now: datetime) -> Firing:
    due = _due(schedule, first, now)
    rules = Rules(schedule, now, newest=due[-1])
    verdicts = {at: rules.verdict(at) for at in due}
    runs = rules.chosen([at for at, verdict in verdicts.items() if verdict is None])
    if len(runs) == schedule.runs_left:
        due = [at for at in due if at <= runs[-1]]  # After the last of max_runs nothing is due.
    stretches = [*_earlier(rules, first, due[0])]
    stretches += [Note(at, at, 1, verdicts[at] or rules.superseded) for at in due]
    return replace(
        firing,
        runs=tuple(_run(rules, at) for at in runs),
        notes=tuple(_merged(stretches, frozenset(runs))),
    )


def _due(schedule: Schedule, first: datetime, now: datetime) -> list[datetime]:
    """The newest `catch_up_limit` instants from `first` to now, in order; these are looked at one by one."""
    newest = schedule.timetable.last_between(first, now, schedule.catch_up_limit).last
    # The cursor counts as an instant even where the timetable does not know it: it may have been set by hand.
    return newest if len(newest) == schedule.catch_up_limit else [first, *newest]


def _run(rules: Rules, at: datetime) -> PlannedRun:
    run_at = jittered(rules.schedule, at)
    if rules.on_time(at):
        return PlannedRun(at, "schedule", run_at)
    earliest = rules.now
    if rules.schedule.is_sleeper:
        earliest += START_UP + START_UP_SPREAD * _chance(rules.schedule, at)
    # Priority ages with run_at: a backlog dated in the past would push itself before everything else.
    return PlannedRun(at, "catch_up", max(earliest, run_at))


def _earlier(rules: Rules, first: datetime, end: datetime) -> Iterator[Note]:
    """The instants from `first` to before `end`: cut where the verdict may change, counted but not listed."""
    if first == end:
        return
    yield Note(first, first, 1, rules.verdict(first) or rules.superseded)
    after = first
    for until in [*rules.boundaries(first, end), end]:
        for stretch in rules.schedule.timetable.stretches(after, until - TICK):
            verdict = rules.verdict(stretch.first) or rules.superseded
            yield Note(stretch.first, stretch.last, stretch.count, verdict)
        after = until - TICK


def _merged(stretches: Iterable[Note], runs: Set[datetime]) -> Iterator[Note]:
    """Neighbours with the same verdict become one; a run between two keeps them apart."""
    for verdict, group in groupby(stretches, lambda note: None if note.first in runs else note.verdict):
        if verdict is not None:
            notes = list(group)
            yield Note(notes[0].first, notes[-1].last, sum(note.count for note in notes), verdict)
