"""The books of a chaos test: what has to balance in the end, judged from the database and the daemons' logs."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.support.chaos import Event, Site

SECOND = timedelta(seconds=1)
ENDED = ("completed", "failed", "cancelled")
LOST_TOO_OFTEN = "worker lost 3 times"


@dataclass(frozen=True)
class Beat:
    """A schedule together with its instants, told in another way than hourhand computes them."""

    name: str
    every: int = 0
    """Seconds; 0 for a cron expression."""
    cron: str = ""
    seconds: frozenset[int] = frozenset()
    """Those of each minute at which the cron expression fires."""
    lasts: float = 0.0
    """Seconds; 0 for a run that is over at once."""
    overlap: str = "allow_all"
    catch_up: str = "all"

    def insert(self, site: Site) -> None:
        site.rows(
            "insert into hourhand.scheduled_jobs (name, task, payload, every, cron, overlap, catch_up)"
            " values (%s, %s, %s, %s, %s, %s, %s)",
            self.name,
            "linger" if self.lasts else "touch",
            f'{{"seconds": {self.lasts}}}' if self.lasts else "{}",
            timedelta(seconds=self.every) if self.every else None,
            self.cron or None,
            self.overlap,
            self.catch_up,
        )

    def instants(self, first: datetime, end: datetime) -> Iterator[datetime]:
        """From `first`, which is one, to before `end`."""
        step = timedelta(seconds=self.every or 1)
        while first < end:
            if self.every or first.second in self.seconds:
                yield first
            first += step

    @property
    def is_complete(self) -> bool:
        """Whether each instant has to run."""
        return (self.overlap, self.catch_up) == ("allow_all", "all")


@dataclass
class Books:
    """All that is known in the end. Each check returns its complaints, none when all is well."""

    site: Site
    beats: Sequence[Beat]
    orders: Mapping[str, Sequence[int]]
    """By key, the run that each acknowledgement named."""
    firings: list[Any] = field(init=False)
    runs: list[Any] = field(init=False)
    effects: list[Any] = field(init=False)
    lost: set[str] = field(init=False)
    """The tokens of attempts that were taken from their worker."""
    events: list[Event] = field(init=False)

    def __post_init__(self) -> None:
        rows = self.site.rows
        self.firings = rows(
            "select j.name, f.scheduled_for, coalesce(f.scheduled_until, f.scheduled_for), f.count, f.decision, f.run_id,"
            " f.lag_ms from hourhand.schedule_firings f join hourhand.scheduled_jobs j on j.id = f.schedule_id order by 1, 2"
        )
        self.runs = rows(
            "select id, status, token::text, unique_key, scheduled_for, error from hourhand.job_runs"
        )
        self.effects = rows("select run_id, token::text from effects")
        self.lost = {
            token
            for (token,) in rows("select token::text from hourhand.job_run_attempts where outcome = 'lost'")
        }
        self.events = self.site.events()

    def complaints(self) -> list[str]:
        return [*self.complaints_about_firings(), *self.complaints_about_runs()]

    def complaints_about_firings(self) -> list[str]:
        return [*self._instants(), *self._fired_runs(), *self._errors()]

    def complaints_about_runs(self) -> list[str]:
        checks = (self._orders, self._ends, self._effects, self._attempts, self._refusals)
        return [complaint for check in checks for complaint in check()]

    @property
    def lags(self) -> list[int]:
        """Milliseconds from each instant that fired to its firing, in order."""
        return sorted(lag for *_, decision, _, lag in self.firings if decision == "fired")

    @property
    def extra_effects(self) -> int:
        """Beyond one a run: work that was done again."""
        return len(self.effects) - len({run for run, _ in self.effects})

    def counts(self) -> str:
        statuses = Counter(status for _, status, *_ in self.runs)
        decided = Counter(decision for *_, decision, _, _ in self.firings)
        instants = sum(count for _, _, _, count, *_ in self.firings)
        orders = sum(len(named) for named in self.orders.values())
        return (
            f"{instants} instants judged {dict(decided)}, {len(self.runs)} runs {dict(statuses)}, "
            f"{orders} acknowledgements of {len(self.orders)} orders, {len(self.lost)} attempts lost, "
            f"{self.extra_effects} effects repeated"
        )

    # --- Firings ---

    def _instants(self) -> Iterator[str]:
        """Every due instant, from a schedule's first to its cursor, is in the ledger exactly once."""
        cursors = dict(self.site.rows("select name, next_run_at from hourhand.scheduled_jobs"))
        ledgers = defaultdict(list)
        for name, *entry in self.firings:
            ledgers[name].append(entry)
        for beat in self.beats:
            ledger = ledgers[beat.name]
            if not ledger:
                yield f"{beat.name}: never fired"
                continue
            due = list(beat.instants(ledger[0][0], cursors[beat.name]))
            covered = Counter(at for entry in ledger for at in _covered(beat, entry))
            yield from _differences(f"{beat.name}: instants", Counter(due), covered)
            if beat.is_complete and (unfired := [entry for entry in ledger if entry[3] != "fired"]):
                yield f"{beat.name}: has to run at each instant, but {unfired}"

    def _fired_runs(self) -> Iterator[str]:
        """Each instant that fired has exactly one run, which each scheduler's log knows too."""
        fired = Counter((run, at) for _, at, _, _, decision, run, _ in self.firings if decision == "fired")
        existing = Counter((run, at) for run, _, _, _, at, _ in self.runs if at is not None)
        yield from _differences("fired instants and their runs", fired, existing)
        told = Counter(
            (event["run_id"], datetime.fromisoformat(event["scheduled_for"]))
            for event in self._named("schedule.fired")
        )
        yield from (f"told {count} times as fired: {entry}" for entry, count in told.items() if count > 1)
        yield from (f"told as fired, but not in the ledger: {entry}" for entry in told.keys() - fired.keys())

    # --- Runs ---

    def _orders(self) -> Iterator[str]:
        """Every acknowledged enqueue has exactly one run, and no run of an order is another's."""
        stored = Counter((key, run) for run, _, _, key, _, _ in self.runs if key is not None)
        named = Counter({(key, run): 1 for key, runs in self.orders.items() for run in runs})
        yield from _differences("orders", named, stored)

    def _ends(self) -> Iterator[str]:
        for status, count in Counter(status for _, status, *_ in self.runs).items():
            if status not in ENDED:
                yield f"{count} runs are still {status}"
        for run, status, *_, error in self.runs:
            if status == "failed" and error != LOST_TOO_OFTEN:
                yield f"run {run} failed: {error}"
        for run, count in Counter(run for run, *_ in self.runs).items():
            if count > 1:
                yield f"run {run} is there {count} times"
        completed = Counter(event["run_id"] for event in self._finished("completed"))
        yield from (f"run {run} was completed {count} times" for run, count in completed.items() if count > 1)

    def _effects(self) -> Iterator[str]:
        """What a completed run did was done by the attempt that completed it."""
        done = {token for _, token in self.effects}
        for run, status, token, *_ in self.runs:
            if status == "completed" and token not in done:
                yield f"run {run} is completed, but attempt {token} did nothing"

    def _attempts(self) -> Iterator[str]:
        """No attempt was begun by two workers, and nobody worked without one."""
        begun = Counter(event["token"] for event in self._named("run.started"))
        yield from (f"attempt {token} was begun {count} times" for token, count in begun.items() if count > 1)
        yield from (
            f"run {run} was worked on by {token}, who is not known"
            for run, token in self.effects
            if token not in begun
        )
        final = {token for _, status, token, *_ in self.runs if status == "completed"}
        told = {event["token"] for event in self._finished("completed")}
        yield from (f"attempt {token} was told as completed, but is not" for token in told - final)

    def _refusals(self) -> Iterator[str]:
        for event in self._named("run.refused"):
            if event["token"] not in self.lost:
                yield f"run {event['run_id']} was refused to attempt {event['token']}, which was not lost"

    def _errors(self) -> Iterator[str]:
        yield from (f"logged: {event}" for event in self.events if event["level"] in ("ERROR", "CRITICAL"))

    def _named(self, name: str) -> Iterator[Event]:
        return (event for event in self.events if event["event"] == name)

    def _finished(self, outcome: str) -> Iterator[Event]:
        return (event for event in self._named("run.finished") if event["outcome"] == outcome)


def _covered(beat: Beat, entry: Sequence[Any]) -> Iterator[datetime]:
    """The instants that one row of the ledger is about."""
    first, last, count, *_ = entry
    instants = list(beat.instants(first, last + SECOND / 1000))
    if len(instants) != count:
        yield last + SECOND / 1000  # in no list of what is due
    yield from instants


def _differences(what: str, expected: Counter[Any], found: Counter[Any]) -> Iterator[str]:
    if missing := expected - found:
        yield f"{what}: missing {_some(missing)}"
    if extra := found - expected:
        yield f"{what}: too many {_some(extra)}"


def _some(items: Counter[Any], most: int = 5) -> str:
    return f"{items.total()}: {', '.join(str(item) for item in _first(items.elements(), most))}"


def _first(items: Iterable[Any], most: int) -> Iterator[Any]:
    return (item for item, _ in zip(items, range(most), strict=False))
