"""How late firings are and how quiet the daemons are: a real scheduler and worker at their default polls.

The lag of a firing is the time from its instant to the start of the task's handler. Statements are what
pg_stat_database counts as transactions (each call is one) in a database that nothing else uses.

    python benchmarks/lag.py [--seconds 60] [--idle 120] [--url postgresql://…]

Without --url it starts an embedded Postgres of its own, with its default durability and without autovacuum,
whose transactions would count too.
"""

import argparse
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import urlsplit

import psycopg
from databases import database, embedded

from hourhand import Run, task

SCHEDULES = 20
EVERY = timedelta(seconds=5)


@task("measure", max_attempts=1)
async def measure(run: Run) -> float:
    """Milliseconds since its instant. Only right where this machine is also the database's."""
    if run.scheduled_for is None:
        return 0.0
    return (datetime.now(UTC) - run.scheduled_for) / timedelta(milliseconds=1)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60, help="how long to fire")
    parser.add_argument("--idle", type=float, default=120, help="how long to watch the idle daemons")
    parser.add_argument("--url", help="a server's maintenance database")
    options = parser.parse_args()
    if timedelta(seconds=options.seconds) < 3 * EVERY:
        parser.error(f"--seconds is at least {3 * EVERY.total_seconds():.0f}: the first firings do not count")
    with ExitStack() as stack:
        server = options.url or stack.enter_context(embedded(autovacuum="off"))
        url = stack.enter_context(database(server))
        for daemon in ("scheduler", "worker"):
            stack.enter_context(_daemon(daemon, url))
        with psycopg.connect(url, autocommit=True) as connection:
            _wait_for(connection, "select count(*) = 2 from hourhand.services")
        if options.idle:
            print(
                f"idle: {_idle(server, url, options.idle):.3f} statements/s of scheduler and worker together"
            )
        with psycopg.connect(url, autocommit=True) as connection:
            _report(_fire(connection, options.seconds))


# --- Measuring ---


def _idle(server: str, url: str, seconds: float) -> float:
    """Statements a second, counted from another database of the server."""
    name = urlsplit(url).path.removeprefix("/")
    with psycopg.connect(server, autocommit=True) as elsewhere:
        sleep(10)  # what comes with the start is no idling
        before = _transactions(elsewhere, name)
        sleep(seconds)
        return (_transactions(elsewhere, name) - before) / seconds


def _transactions(connection: psycopg.Connection, name: str) -> int:
    query = "select xact_commit + xact_rollback from pg_stat_database where datname = %s"
    row = connection.execute(query, [name]).fetchone()
    return int(row[0]) if row else 0


def _fire(database: psycopg.Connection, seconds: float) -> list[tuple[float, ...]]:
    """For each firing: how late it was decided, its run claimed and its handler started; milliseconds."""
    for number in range(SCHEDULES):
        database.execute(
            "insert into hourhand.scheduled_jobs (name, task, every, anchor, overlap) "
            "values (%s, 'measure', %s, %s, 'allow_all')",
            [f"s{number}", EVERY, datetime(2026, 1, 1, tzinfo=UTC) + number * EVERY / SCHEDULES],
        )
    sleep(seconds)
    database.execute("update hourhand.scheduled_jobs set is_active = false")
    _wait_for(
        database,
        "select not exists (select from hourhand.job_runs where status in ('pending', 'processing'))",
    )
    query = (
        "select extract(epoch from r.created_at - r.scheduled_for) * 1000, "
        "extract(epoch from r.claimed_at - r.scheduled_for) * 1000, (r.result)::float8 "
        "from hourhand.schedule_firings f "
        "join hourhand.job_runs r on r.id = f.run_id where r.status = 'completed' order by r.id"
    )
    # The first of each schedule also pay for what is warm from then on.
    return [tuple(map(float, row)) for row in database.execute(query).fetchall()][SCHEDULES:]


def _report(lags: Sequence[tuple[float, ...]]) -> None:
    print(f"{len(lags)} firings of {SCHEDULES} schedules, milliseconds after the instant:")
    print(f"{'':22}{'p50':>8}{'p90':>8}{'p99':>8}{'max':>8}")
    names = ("decided by fire()", "claimed by claim()", "handler started")
    for name, values in zip(names, zip(*lags, strict=True), strict=True):
        cuts = statistics.quantiles(values, n=100, method="inclusive")
        print(f"{name:22}{cuts[49]:8.1f}{cuts[89]:8.1f}{cuts[98]:8.1f}{max(values):8.1f}")


def _wait_for(database: psycopg.Connection, query: str, timeout: float = 60) -> None:
    deadline = monotonic() + timeout
    while (row := database.execute(query.encode()).fetchone()) is None or not row[0]:
        if monotonic() > deadline:
            raise TimeoutError(query)
        sleep(0.2)


# --- What it runs on ---


@contextmanager
def _daemon(name: str, url: str) -> Iterator[None]:
    directory = Path(__file__).parent
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("JOB_", "HOURHAND_"))},
        "DATABASE_URL": url,
        "HOURHAND_TASKS": Path(__file__).stem,
        "PYTHONPATH": str(directory),
        "LOG_LEVEL": "WARNING",
    }
    command = [sys.executable, "-m", "hourhand", name]
    process = subprocess.Popen(command, env=environment, cwd=directory)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)


if __name__ == "__main__":
    main()
