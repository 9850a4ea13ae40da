"""Why did it run, or not? What happened at one instant of a schedule, in a sentence or two.

`kind` says it in a word:

    fired, backfilled                               it ran
    missed, coalesced, skipped_overlap, excluded,   it was decided that nothing runs
    paused, expired
    coming, undecided                               it has not come, or no scheduler has come to it
    before_creation, before_start, after_end,       the schedule did not fire then
    max_runs, broken, changed
    no_instant                                      not one of its times
    deleted, unknown                                nothing is recorded (any more)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from hourhand.durations import format_duration
from hourhand.errors import BadSchedule
from hourhand.facts import Facts, Row, instant

TICK = timedelta(microseconds=1)
FAR = timedelta(days=3660)


@dataclass(frozen=True, slots=True)
class Explanation:
    """`at` is the instant (UTC), `text` is for people, with times in `timezone`, `run_id` the run meant."""

    at: datetime
    timezone: str
    kind: str
    text: str
    run_id: int | None = None


Told = tuple[str, str] | None
"""A kind and a text."""


def explain(facts: Facts, retention_days: int) -> Explanation:
    kind, sentences = _told(facts, retention_days)
    texts = [f"{facts.local(facts.at)}: {sentences[0]}", *sentences[1:]]
    run_id = facts.firing["run_id"] if facts.firing else None
    return Explanation(facts.at, facts.timezone, kind, " ".join(texts), run_id)


def _told(facts: Facts, retention_days: int) -> tuple[str, list[str]]:
    rules: list[Callable[[Facts], Told]] = [
        _decided,
        _before_creation,
        _outside,
        _no_instant,
        _never_decided if facts.is_past else _hindered,
        lambda facts: _deleted(facts, retention_days),
        _changed,
        _unknown,
    ]
    try:
        kind, text = next(told for rule in rules if (told := rule(facts)))
        return kind, [text, *_remarks(facts, kind)]
    except BadSchedule as error:
        return "broken", [f"its timing cannot be used: {facts.schedule['error'] or error}."]


# --- What the ledger says ---


def _decided(facts: Facts) -> Told:
    if facts.firing is None or facts.lies_between:
        return None
    decision = facts.firing["decision"]
    return decision, _DECISIONS[decision](facts, facts.firing)


def _fired(facts: Facts, firing: Row) -> str:
    late = _late(firing["lag_ms"])
    if firing["run_id"] is None:  # a fleet
        return f"it fired {late} and started {firing['reason']}."
    return f"it fired {late} as run {firing['run_id']}, {_became(facts)}."


def _backfilled(facts: Facts, firing: Row) -> str:
    on = facts.local(firing["decided_at"])
    was = f" Before, it {firing['reason'].replace(': was ', ': ')}." if firing["reason"] else ""
    return f"it was backfilled on {on} as run {firing['run_id']}, {_became(facts)}.{was}"


def _skipped(facts: Facts, firing: Row) -> str:
    run = facts.run
    lasted = "" if run is None else f", {_lasted(facts, run)}"
    return f"it was skipped, because {firing['reason']} (overlap {facts.row['overlap']}){lasted}."


def _missed(facts: Facts, firing: Row) -> str:
    return f"it was missed: {firing['reason'].removeprefix('was ')}.{_absence(facts)}"


def _expired(facts: Facts, firing: Row) -> str:
    return f"it was given up: {firing['reason']}.{_absence(facts)}"


def _coalesced(facts: Facts, _firing: Row) -> str:
    later = facts.made_up_by
    if later is None:
        told = "it was made up for by a later run (catch_up last)"
    elif later["decision"] == "fired":
        of = facts.local(later["scheduled_for"])
        told = f"it was made up for by run {later['run_id']}, that of {of} (catch_up last)"
    else:
        told = (
            f"{facts.local(later['scheduled_for'])} was to make up for it (catch_up last), and was skipped,"
            f" because run {later['run_id']} of this schedule was not over (overlap {facts.row['overlap']})"
        )
    return f"{told}.{_absence(facts)}"


def _excluded(_facts: Facts, firing: Row) -> str:
    return f"it did not run: {firing['reason']}."


def _paused(facts: Facts, firing: Row) -> str:
    return f"it did not run: the schedule was {firing['reason']}{_by_whom(facts)}."


_DECISIONS: dict[str, Callable[[Facts, Row], str]] = {
    "fired": _fired,
    "backfilled": _backfilled,
    "skipped_overlap": _skipped,
    "missed": _missed,
    "expired": _expired,
    "coalesced": _coalesced,
    "excluded": _excluded,
    "paused": _paused,
}


# --- What is no firing ---


def _before_creation(facts: Facts) -> Told:
    created = instant(facts.schedule["created_at"])
    if facts.at >= created:
        return None
    return "before_creation", f"the schedule did not exist yet; it was created on {facts.local(created)}."


def _outside(facts: Facts) -> Told:
    starts_at, ends_at = facts.row["starts_at"], facts.row["ends_at"]
    if starts_at and facts.at < instant(starts_at):
        return "before_start", f"it does not fire before {facts.local(starts_at)} (starts_at)."
    if ends_at and facts.at > instant(ends_at):
        return "after_end", f"it does not fire after {facts.local(ends_at)} (ends_at)."
    return None


def _no_instant(facts: Facts) -> Told:
    if facts.is_instant:
        return None
    timetable = facts.timetable
    before, after = timetable.last_between(facts.at - FAR, facts.at, 1).last, timetable.next(facts.at)
    near = [f"the one before is {facts.local(before[0])}"] if before else []
    near += [f"the next is {facts.local(after)}"] if after else ["there is none after it"]
    return "no_instant", f"this is not one of its times; {' and '.join(near)}."


# --- What is to come ---


def _hindered(facts: Facts) -> Told:
    schedule = facts.schedule
    until, left = schedule["paused_until"], schedule["runs_left"]
    if schedule["error"]:
        return (
            "broken",
            f"it will not fire: the schedule is set aside until it is edited: {schedule['error']}.",
        )
    if left is not None and facts.timetable.count_between(facts.now, facts.at - TICK) >= left:
        return (
            "max_runs",
            f"it will not fire: the last of its {schedule['max_runs']} runs comes before (max_runs).",
        )
    if not schedule["is_active"]:
        return "paused", f"it will not fire while the schedule is paused{_by_whom(facts)}."
    if until and facts.at < instant(until):
        return (
            "paused",
            f"it will not fire: the schedule is paused until {facts.local(until)}{_by_whom(facts)}.",
        )
    if rule := facts.timetable.excluded(facts.at):
        return "excluded", f"it will not fire: excluded by {rule}."
    return "coming", f"it has not come yet: it fires in {facts.since(facts.now)}."


# --- What was never decided ---


def _never_decided(facts: Facts) -> Told:
    schedule = facts.schedule
    if not facts.then["is_active"]:
        return _inactive(facts)
    if schedule["error"] and not _was_decided(facts):
        return (
            "broken",
            f"it did not fire: the schedule is set aside until it is edited: {schedule['error']}.",
        )
    if (
        not schedule["is_active"]
        or _was_decided(facts)
        or (facts.next_change and not schedule["next_run_at"])
    ):
        return None
    alive = facts.schedulers["alive_now"]
    who = "a scheduler is about to come to it" if alive else f"no scheduler is running{_last_seen(facts)}"
    if schedule["next_run_at"] is None:
        return "undecided", f"no scheduler has come to the schedule yet, and it counts from then on; {who}."
    return "undecided", f"it is due, and {who}."


def _inactive(facts: Facts) -> Told:
    if facts.then["max_runs"] and facts.schedule["runs_left"] == 0:
        return "max_runs", f"the last of its {facts.then['max_runs']} runs had come before (max_runs)."
    return "paused", f"it did not fire: the schedule was paused{_by_whom(facts)}."


def _was_decided(facts: Facts) -> bool:
    until = facts.schedule["decided_until"]
    return until is not None and facts.at <= instant(until)


def _deleted(facts: Facts, retention_days: int) -> Told:
    if facts.now - facts.at <= timedelta(days=retention_days):
        return None
    return "deleted", f"nothing is recorded any more: what is older than {retention_days} days is deleted."


def _changed(facts: Facts) -> Told:
    change, following = facts.next_change, facts.next_firing
    if change is None or (following and instant(following["scheduled_for"]) < instant(change["at"])):
        return None
    who, on = change["actor"], facts.local(change["at"])
    return "changed", (
        f"nothing was decided about it: before a scheduler came to it, {who} changed the schedule on {on},"
        " and that counts from then on."
    )


def _unknown(facts: Facts) -> Told:
    return "unknown", f"nothing is recorded about it.{_absence(facts)}"


# --- What goes with it ---


def _remarks(facts: Facts, kind: str) -> Iterator[str]:
    if facts.firing and facts.firing["count"] > 1 and kind != "no_instant":
        first, last = facts.local(facts.firing["scheduled_for"]), facts.local(facts.firing["scheduled_until"])
        many = "both" if facts.firing["count"] == 2 else f"all {facts.firing['count']}"
        yield f"The same goes for {many} from {first} to {last}."
    if kind != "before_creation" and (change := facts.clock_change):
        yield f"{change}."
    if kind == "coming":
        for word, obstacle in zip(("But", "And", "And"), _obstacles(facts), strict=False):
            yield f"{word} {obstacle}"


def _obstacles(facts: Facts) -> Iterator[str]:
    """What stands in the way of an instant to come."""
    schedule, live = facts.schedule, facts.live_run
    if not facts.schedulers["alive_now"]:
        yield f"no scheduler is running{_last_seen(facts)}."
    if not facts.task_is_known:
        yield f"no worker that runs knows the task {schedule['task']}."
    if live and schedule["overlap"] == "skip" and not schedule["rank_intervals"]:
        yield f"if run {live['id']} ({live['status']}) is not over by then, it is skipped (overlap skip)."


# --- Words ---


def _late(lag_ms: int | None) -> str:
    return "on time" if not lag_ms or lag_ms < 1000 else f"{format_duration(lag_ms / 1000)} late"


def _became(facts: Facts) -> str:
    run = facts.run
    if run is None:
        return "which has been deleted since"
    if run["status"] == "pending":
        return "which waits to be run"
    if run["status"] == "processing":
        return f"which has been running since {facts.local(run['started_at'] or run['claimed_at'])}"
    took = _took(run)
    error = f": {' '.join(run['error'].split())}" if run["error"] else ""
    return f"which {'was ' if run['status'] == 'cancelled' else ''}{run['status']}{took}{error}"


def _took(run: Row) -> str:
    if run["started_at"] is None:
        return ""
    return f" after {format_duration(instant(run['finished_at']) - instant(run['started_at']))}"


def _lasted(facts: Facts, run: Row) -> str:
    begun = run["started_at"] or run["claimed_at"]
    if begun is None:
        return f"which has been waiting since {facts.local(run['created_at'])}"
    if run["finished_at"] is None:
        return f"which has been running since {facts.local(begun)}"
    return f"which ran from {facts.local(begun)} to {facts.local(run['finished_at'])}"


def _by_whom(facts: Facts) -> str:
    if facts.pause is None:
        return ""
    note = f": {' '.join(facts.pause['note'].split())}" if facts.pause["note"] else ""
    return f", by {facts.pause['actor']} on {facts.local(facts.pause['at'])}{note}"


def _absence(facts: Facts) -> str:
    seen, start = facts.schedulers["last_seen"], facts.schedulers["next_start"]
    if facts.schedulers["alive"]:
        return ""
    if seen and start:
        return f" No scheduler was alive from {facts.local(seen)} to {facts.local(start)}."
    if start:
        return f" No scheduler was alive before {facts.local(start)}."
    return f" No scheduler has been alive since {facts.local(seen)}." if seen else " No scheduler is known."


def _last_seen(facts: Facts) -> str:
    seen = facts.schedulers["last_seen"]
    return f" (the last was seen on {facts.local(seen)})" if seen else ""
