"""Many schedules at once: what a poll costs, how late a crowd fires, what an outage or a bad row does.

    python benchmarks/scale.py [--quick] [--url postgresql://…]

Lags end with the commit of the firing, by the database's clock. The raw loop calls fire() with entries
prepared beforehand, in batches as large as the scheduler's.
Without --url it starts an embedded Postgres of its own with its default durability; another server needs
track_commit_timestamp on, and an account that may create databases.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep
from typing import Any

import psycopg
from databases import database, embedded
from psycopg.types.json import Jsonb

from hourhand_scheduler.firing import Firing
from hourhand_scheduler.reading import load_parser, planned, read
from hourhand_scheduler.schedule import Schedule

BATCH = 25
"""The scheduler's default."""

YEAR = timedelta(days=365)
HORIZON = 70.0
"""Seconds that a look at the default poll reads ahead."""

Connection = psycopg.Connection[tuple[Any, ...]]
Row = tuple[str, str]
Measure = Callable[[Connection, str, int], Iterator[Row]]


def main() -> None:
    options = _options()
    many, crowd = (50_000, 1_000) if options.quick else (1_000_000, 10_000)
    with ExitStack() as stack:
        server = options.url or stack.enter_context(embedded(track_commit_timestamp="on"))
        rows = [
            *_measured(server, _poll, many),
            *_measured(server, _crowd, crowd),
            *_measured(server, _outage, 100),
            *_measured(server, _bad_row, 1_000),
        ]
    width = max(len(name) for name, _ in rows)
    for name, found in rows:
        print(f"{name:{width}}  {found}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer schedules")
    parser.add_argument("--url", help="a server's maintenance database")
    return parser.parse_args()


def _measured(server: str, measure: Measure, size: int) -> list[Row]:
    with database(server) as url, psycopg.connect(url, autocommit=True) as connection:
        return list(measure(connection, url, size))


# --- The measurements ---


def _poll(database: Connection, _url: str, size: int) -> Iterator[Row]:
    """One look that finds nothing."""
    _insert(database, size, "0 0 1 1 *")
    _plan(database, "now() + interval '1 hour' + id * interval '1 s'")
    database.execute("vacuum analyze hourhand.scheduled_jobs")
    times = [_look(database) for _ in range(50)]
    yield (
        f"{size} schedules, none due: one look",
        f"p50 {statistics.median(times):.2f} ms, max {max(times):.2f} ms",
    )


def _look(database: Connection) -> float:
    began = monotonic()
    database.execute("select hourhand.due_schedules(%s, %s)", [HORIZON, BATCH])
    return (monotonic() - began) * 1000


def _crowd(database: Connection, url: str, size: int) -> Iterator[Row]:
    """All due at the same instant."""
    raw = _raw(database, size)
    with _scheduler(url):
        _wait_for(database, "select exists (select from hourhand.services)")
        at = (datetime.now(UTC) + timedelta(seconds=90)).replace(second=0, microsecond=0)
        began = monotonic()
        _insert(database, size, f"{at.minute} {at.hour} * * *")
        _wait_for(
            database, "select not exists (select from hourhand.scheduled_jobs where next_run_at is null)"
        )
        yield f"{size} new schedules: all planned after", f"{monotonic() - began:.1f} s"
        _wait_for(
            database, "select count(*) = %s from hourhand.schedule_firings where scheduled_for = %s", size, at
        )
    lags = [
        float(lag)
        for (lag,) in database.execute(
            "select extract(epoch from pg_xact_commit_timestamp(xmin) - scheduled_for) "
            "from hourhand.schedule_firings where scheduled_for = %s",
            [at],
        )
    ]
    cuts = statistics.quantiles(lags, n=100, method="inclusive")
    yield (
        f"{size} schedules due at once: lag",
        f"p50 {cuts[49]:.2f} s, p99 {cuts[98]:.2f} s, max {max(lags):.2f} s",
    )
    yield "  beside the raw loop", f"{raw:.2f} s, ratio {max(lags) / raw:.2f}"


def _raw(database: Connection, size: int) -> float:
    """Seconds of calling fire() alone; leaves no schedule behind."""
    _insert(database, size, "* * * * *")
    _plan(database, "date_trunc('minute', now())")
    schedules = database.execute(
        "select id, revision, next_run_at from hourhand.scheduled_jobs order by id"
    ).fetchall()
    entries = [_entry(*schedule) for schedule in schedules]
    began = monotonic()
    for start in range(0, size, BATCH):
        database.execute(
            "select hourhand.fire(%s, %s)",
            [uuid.uuid4(), Jsonb(entries[start : start + BATCH])],
            prepare=True,
        )
    seconds = monotonic() - began
    database.execute("delete from hourhand.scheduled_jobs")
    return seconds


def _entry(schedule: int, revision: int, at: datetime) -> dict[str, Any]:
    run = {"at": at.isoformat(), "trigger": "schedule", "run_at": at.isoformat()}
    then = (at + timedelta(days=1)).isoformat()
    entry = {"schedule_id": schedule, "revision": revision, "next_run_at": at.isoformat(), "then": then}
    return entry | {"runs": [run], "notes": []}


def _outage(database: Connection, url: str, limit: int) -> Iterator[Row]:
    """Nothing ran for a year of minutes."""
    load_parser()  # as a scheduler does when it starts
    for catch_up in ("last", "all"):
        database.execute("delete from hourhand.scheduled_jobs")
        _insert(database, 1, "* * * * *", catch_up=catch_up, catch_up_limit=limit)
        _plan(database, "date_trunc('minute', now()) - %s", YEAR)
        answer = _one(database, "select hourhand.due_schedules(%s, %s)", HORIZON, BATCH)
        began = monotonic()
        schedule = read(answer["schedules"][0], "UTC")
        assert isinstance(schedule, Schedule)
        firing = planned(schedule, datetime.fromisoformat(answer["now"]))
        planning = (monotonic() - began) * 1000
        assert isinstance(firing, Firing)
        _once(url)
        runs = _one(database, "select count(*) from hourhand.job_runs where schedule_id = %s", schedule.id)
        decided = _one(
            database, "select sum(count) from hourhand.schedule_firings where schedule_id = %s", schedule.id
        )
        yield (
            f"a year of `* * * * *`, catch_up {catch_up}",
            f"planned in {planning:.0f} ms, {runs} runs, {decided} instants",
        )


def _bad_row(database: Connection, url: str, size: int) -> Iterator[Row]:
    """One of them cannot be read."""
    _insert(database, size, "0 0 1 1 *")
    database.execute("update hourhand.scheduled_jobs set cron = '61 * * * *' where name = 's7'")
    _plan(database, "now() - interval '1 s'")
    began = monotonic()
    _once(url)
    seconds = monotonic() - began
    fired = _one(database, "select count(*) from hourhand.job_runs")
    aside = _one(database, "select count(*) from hourhand.scheduled_jobs where error is not null")
    yield f"one bad of {size} schedules", f"{fired} fired, {aside} set aside, {seconds:.1f} s with the start"


# --- Statements ---


def _insert(database: Connection, size: int, cron: str, **columns: object) -> None:
    names = "".join(f", {name}" for name in columns)
    values = ", %s" * len(columns)
    database.execute(
        f"insert into hourhand.scheduled_jobs (name, task, timezone, cron{names}) "
        f"select 's' || n, 'work', 'UTC', %s{values} from generate_series(1, %s) n".encode(),
        [cron, *columns.values(), size],
    )


def _plan(database: Connection, at: str, *params: object) -> None:
    """Sets the cursor of every schedule to what the expression says."""
    database.execute(f"update hourhand.scheduled_jobs set next_run_at = {at}".encode(), params or None)


def _one(database: Connection, query: str, *params: object) -> Any:
    row = database.execute(query.encode(), params).fetchone()
    return row and row[0]


def _wait_for(database: Connection, query: str, *params: object, timeout: float = 180) -> None:
    deadline = monotonic() + timeout
    while not _one(database, query, *params):
        if monotonic() > deadline:
            raise TimeoutError(query)
        sleep(0.5)


# --- What it runs on ---


def _command(url: str, *arguments: str) -> dict[str, Any]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("JOB_", "HOURHAND_"))}
    return {
        "args": [sys.executable, "-m", "hourhand", "scheduler", *arguments],
        "env": {**kept, "DATABASE_URL": url},
        "stdout": subprocess.DEVNULL,  # the lines of a log at its default level
        "stderr": subprocess.DEVNULL,
    }


def _once(url: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(**_command(url, "--once"), cwd=directory, check=True)


@contextmanager
def _scheduler(url: str) -> Iterator[None]:
    with tempfile.TemporaryDirectory() as directory:
        process = subprocess.Popen(**_command(url), cwd=directory)
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=60)


if __name__ == "__main__":
    main()
