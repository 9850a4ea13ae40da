"""The race: 2, 3 and 10 schedulers fire the same schedules while they are killed, frozen and not answered.

    python -m tests.scheduler.race [--firings 20000] [--sabotage swap|ledger|both] [--url postgresql://…]

Every scheduler is a process of its own on a network of its own. It is killed -9 before a call of `fire`, after one
that was committed but before its answer has come, and at any other moment; it is frozen; answers are lost and the
calls repeated. Afterwards every due instant is judged from the tables. Sabotage takes away what makes a
second decision impossible: the comparison with what was read, or the ledger's primary key.
"""

import argparse
import multiprocessing
import os
import random
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from multiprocessing.sharedctypes import RawArray
from pathlib import Path
from time import sleep
from typing import Any

import psycopg

from hourhand import migrate
from hourhand.transport.postgres import PostgresTransport
from tests.scheduler import racer
from tests.scheduler.judge import Verdict, judge
from tests.support import eventually
from tests.support.databases import Postgres, server

SECOND = timedelta(seconds=1)
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.scheduler.racer"])

KINDS: tuple[Mapping[str, object], ...] = (
    {"every": SECOND, "overlap": "allow_all", "catch_up": "all"},
    {"cron": "* * * * * *", "overlap": "allow_all", "catch_up": "all", "jitter": SECOND},
    {"cron": "*/2 * * * * *;1/4 * * * * *", "overlap": "allow_all", "catch_up": "last"},
    {"every": SECOND, "overlap": "allow_all", "catch_up": "skip"},
    {"every": SECOND, "overlap": "skip", "catch_up": "all"},
    {"every": SECOND, "overlap": "buffer_one"},
    {"every": SECOND, "overlap": "cancel_other", "catch_up": "all"},
    {"every": SECOND, "overlap": "allow_all", "exclude": '["2026-01-01..2199-12-31"]'},
    {"every": SECOND, "overlap": "allow_all", "catch_up": "all", "paused_until": 2 * SECOND},
    {"every": SECOND, "overlap": "allow_all", "catch_up": "all", "start_deadline": SECOND / 2},
)
"""Nobody works on the runs: those that may not overlap find the first still waiting."""


class Race:
    """From `first` to `last` each schedule has its instants; then it is over by itself."""

    first: datetime
    last: datetime

    def __init__(self, url: str, schedulers: int, schedules: int, seconds: int, seed: int = 20261122) -> None:
        self._url = url
        self._schedules = schedules
        self._seconds = seconds
        self._chance = random.Random(seed)
        self._counts = [RawArray("i", len(racer.FAULTS)) for _ in range(schedulers)]
        self._racers: list[Any] = []
        self.faults: Counter[str] = Counter()

    def run(self, patience: float = 60) -> Verdict:
        """Raises AssertionError when the schedules have not ended `patience` seconds after their last instant."""
        self._racers = [self._start(number) for number in range(len(self._counts))]
        try:
            self._line_up()
            self._await_end(self._seconds + patience)
        finally:
            for process in self._racers:
                process.kill()
                process.join()
        for counts in self._counts:
            self.faults.update(dict(zip(racer.FAULTS, counts, strict=True)))
        with self._database() as database:
            return judge(database, self.first, self.last)

    def _line_up(self) -> None:
        """New schedules count from their first plan on: it has to come before their first instant."""
        with self._database() as database:
            eventually(
                lambda: _one(database, "select count(*) from hourhand.services") >= len(self._racers), 30
            )
            self.first = _one(database, "select date_trunc('second', now())") + 10 * SECOND
            self.last = self.first + (self._seconds - 1) * SECOND
            with database.transaction():
                for number in range(self._schedules):
                    _insert(database, f"s{number}", self.first, self.last, KINDS[number % len(KINDS)])
            eventually(lambda: not _one(database, UNPLANNED), 30)
            assert _one(database, "select now()") < self.first, "the machine is too slow for this"

    def _await_end(self, patience: float) -> None:
        with self._database() as database:

            def is_over() -> bool:
                self._strike()
                return not _one(database, ACTIVE)

            eventually(is_over, patience)

    def _strike(self) -> None:
        """Somebody is frozen or killed, and whoever is dead is followed by another."""
        victim = self._chance.choice(self._racers)
        with suppress(ProcessLookupError):  # It has just killed itself.
            if self._chance.random() < 0.2:
                os.kill(victim.pid, signal.SIGKILL)
                self.faults["killed at any moment"] += 1
            else:
                os.kill(victim.pid, signal.SIGSTOP)
                self.faults["frozen"] += 1
                sleep(self._chance.uniform(0.05, 0.4))
                os.kill(victim.pid, signal.SIGCONT)
        for number, process in enumerate(self._racers):
            if not process.is_alive():
                process.join()
                self._racers[number] = self._start(number)

    def _start(self, number: int) -> Any:
        arguments = (self._url, self._chance.randrange(2**32), self._counts[number])
        process = PROCESSES.Process(target=racer.race, args=arguments, daemon=True)
        process.start()
        return process

    def _database(self) -> psycopg.Connection:
        return psycopg.connect(self._url, autocommit=True)


UNPLANNED = "select count(*) from hourhand.scheduled_jobs where next_run_at is null"
ACTIVE = "select count(*) from hourhand.scheduled_jobs where is_active"


def _one(database: psycopg.Connection, query: str) -> Any:
    ((found,),) = database.execute(query.encode()).fetchall()
    return found


def _insert(
    database: psycopg.Connection, name: str, first: datetime, last: datetime, kind: Mapping[str, object]
) -> None:
    columns = {"name": name, "task": "work", "timezone": "UTC", "starts_at": first, "ends_at": last, **kind}
    if "every" in columns:
        columns["anchor"] = first
    if isinstance(pause := columns.get("paused_until"), timedelta):
        columns["paused_until"] = first + pause
    names, marks = ", ".join(columns), ", ".join(["%s"] * len(columns))
    database.execute(
        f"insert into hourhand.scheduled_jobs ({names}) values ({marks})".encode(), list(columns.values())
    )


# --- Sabotage ---

COMPARISON = """
    or p_schedule.revision is distinct from (p_firing ->> 'revision')::bigint
    or p_schedule.next_run_at is distinct from (p_firing ->> 'next_run_at')::timestamptz
"""


def sabotage(database: psycopg.Connection, what: str) -> None:
    if what in ("swap", "both"):
        text = (Path(migrate.__file__).parent / "sql/functions/fire_one.sql").read_text()
        assert text.count(COMPARISON) == 1
        database.execute(text.replace(COMPARISON, "\n").encode())
    if what in ("ledger", "both"):
        database.execute("alter table hourhand.schedule_firings drop constraint schedule_firings_pkey")
        database.execute("create index on hourhand.schedule_firings (schedule_id, scheduled_for)")


# --- By hand ---


@contextmanager
def _migrated(postgres: Postgres, broken: str | None) -> Iterator[str]:
    with postgres.database() as url:
        transport = PostgresTransport(url, application_name="race")
        migrate.apply(transport)
        transport.close()
        if broken:
            with psycopg.connect(url, autocommit=True) as database:
                sabotage(database, broken)
        yield url


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--firings", type=int, default=20_000, help="at least so many in all")
    parser.add_argument("--schedules", type=int, default=250)
    parser.add_argument("--sabotage", choices=("swap", "ledger", "both"))
    parser.add_argument("--url", help="a superuser's URL of a server's maintenance database")
    options = parser.parse_args()
    if options.url:
        os.environ["HOURHAND_TEST_DATABASE_URL"] = options.url
    seconds = 1 + options.firings * 40 // (
        3 * options.schedules * 39
    )  # one of ten rests in one of four seconds
    judged = wrong = 0
    with tempfile.TemporaryDirectory() as directory, server(Path(directory)) as postgres:
        for schedulers in (2, 3, 10):
            with _migrated(postgres, options.sabotage) as url:
                race = Race(url, schedulers, options.schedules, seconds)
                verdict = race.run()
            told = ", ".join(f"{count} {fault}" for fault, count in race.faults.items())
            print(
                f"{schedulers} schedulers: {verdict}\n  {told}",
                *verdict.complaints[:5],
                sep="\n  ",
                flush=True,
            )
            judged, wrong = judged + verdict.judged, wrong + verdict.lost + verdict.doubled
    print(f"{judged} firings judged, {wrong} wrong")
    return int(wrong > 0 or judged < options.firings)


if __name__ == "__main__":
    sys.exit(main())
