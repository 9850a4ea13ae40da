"""The pages of the admin over a long history: how long each takes, and the query behind it alone.

    python benchmarks/admin.py [--runs 1000000] [--schedules 10000] [--times 40] [--url postgresql://…]

Fills a new database by SQL: runs of the last week with their firings, one in fifty of them failed with a
traceback, ten thousand fleet items, ten thousand changes in the audit log. Then it asks a real
`hourhand admin` for each page, one after the other, as a browser would, and calls the function behind the
page in the same way. Milliseconds, on one machine with the database; CPU is what the admin and its
connections used for a page on average, which other programs on the machine change less (Linux only, else 0).

Without --url it starts an embedded Postgres; with --filled it measures in that database as it is.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
from databases import database, embedded

from hourhand.transport.postgres import PostgresTransport

TOKEN = "benchmark"
WARM = 2
"""Times that are not counted, in which plans and caches are made."""

Query = tuple[str, Mapping[str, Any]]
Connection = psycopg.Connection[tuple[Any, ...]]

FILL = Path(__file__).with_suffix(".sql")


def main() -> None:
    options = _options()
    with ExitStack() as stack:
        url = options.filled
        if url is None:
            url = stack.enter_context(database(options.url or stack.enter_context(embedded())))
            with psycopg.connect(url, autocommit=True) as connection:
                _fill(connection, options.runs, options.schedules)
        admin = stack.enter_context(_admin(url))
        transport = PostgresTransport(url, application_name="hourhand-bench")
        stack.callback(transport.close)
        print(f"{'milliseconds':50}{'p50':>8}{'p95':>8}{'max':>8}{'CPU':>8}{'query p50':>12}")
        for path, query in _pages(options.runs).items():
            before = _cpu(transport)
            whole = _times(lambda path=path: _get(admin, path), options.times)
            spent = (_cpu(transport) - before) / (options.times + WARM)
            alone = _times(lambda query=query: transport.call(*query), options.times)
            print(f"{path:50}{_cuts(whole)}{spent:8.1f}{statistics.median(alone):12.1f}", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--schedules", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=40, help="how often each page is asked for")
    parser.add_argument(
        "--url", default=os.environ.get("DATABASE_URL"), help="a server's maintenance database"
    )
    parser.add_argument("--filled", help="a database that has been filled before")
    return parser.parse_args()


def _pages(runs: int) -> dict[str, Query]:
    """Every list, by its address, with filters that find much, little and nothing; and what is behind it."""

    def browsed(**chosen: str) -> Query:
        return "browse_runs", {"p_filter": chosen, "p_limit": 50}

    def schedules(after: str = "", **chosen: str) -> Query:
        return "browse_schedules", {"p_filter": chosen, "p_limit": 50, "p_after": after}

    def calendar(days: int) -> Query:
        now = time.time()
        at = time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(now - (days - 1) * 86_400))
        until = time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(now + 86_400))
        unit = {"p_unit": "hour", "p_details": 200} if days == 1 else {"p_unit": "day"}
        return "list_calendar", {"p_from": at, "p_until": until, **unit}

    past = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 5 * 86_400))
    return {
        "/": ("get_overview", {}),
        "/schedules": schedules(),
        "/schedules?after=schedule-5": schedules("schedule-5"),
        "/schedules?search=99": schedules(search="99"),
        "/schedules?state=paused": schedules(state="paused"),
        "/schedules?tag=group-3": schedules(tag="group-3"),
        "/runs": browsed(),
        f"/runs?before={runs // 2}": ("browse_runs", {"p_limit": 50, "p_before": runs // 2}),
        "/runs?status=failed": browsed(status="failed"),
        "/runs?status=pending": browsed(status="pending"),
        "/runs?task=task-7": browsed(task="task-7"),
        "/runs?task=nothing": browsed(task="nothing"),
        "/runs?queue=queue-3": browsed(queue="queue-3"),
        "/runs?trigger=backfill": browsed(trigger="backfill"),
        "/runs?schedule=schedule-77": browsed(schedule="schedule-77"),
        "/runs?error=broken": browsed(error="broken"),
        "/runs?error=nothing": browsed(error="nothing"),
        f"/runs?until={past}": browsed(until=past),
        f"/runs?until={past}&task=nothing": browsed(until=past, task="nothing"),
        f"/runs?since={past}&status=failed": browsed(since=past, status="failed"),
        "/calendar?view=month": calendar(31),
        "/calendar?view=week": calendar(7),
        "/calendar?view=day": calendar(1),
        "/calendar?view=month&tag=group-3": (
            "list_calendar",
            {**calendar(31)[1], "p_filter": {"tag": "group-3"}},
        ),
        "/errors": ("list_errors", {}),
        "/errors?search=feed": ("list_errors", {"p_filter": {"search": "feed"}}),
        "/errors?search=nothing": ("list_errors", {"p_filter": {"search": "nothing"}}),
        "/workers": ("list_workers", {}),
        "/queues": ("list_queues", {}),
        "/fleets": ("list_fleets", {}),
        "/fleets/schedule-1": ("list_items", {"p_schedule": "schedule-1", "p_limit": 200}),
        "/audit": ("list_audit", {}),
        "/audit?actor=nobody": ("list_audit", {"p_filter": {"actor": "nobody"}}),
        "/settings": ("list_users", {}),
        "/schedules/schedule-77": ("browse_schedule", {"p_schedule": "schedule-77"}),
        f"/runs/{runs // 2}": ("get_run", {"p_run_id": runs // 2}),
    }


def _fill(connection: Connection, runs: int, schedules: int) -> None:
    began = time.monotonic()
    script = FILL.read_text("utf-8").replace(":runs", str(runs)).replace(":schedules", str(schedules))
    connection.execute(f"set session_replication_role = replica; {script}".encode())
    connection.execute("vacuum analyze")
    print(f"filled with {runs} runs of {schedules} schedules in {time.monotonic() - began:.0f} s", flush=True)


@contextmanager
def _admin(url: str) -> Iterator[httpx.Client]:
    """A browser without JavaScript, at an admin of its own process."""
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "HOURHAND_TRANSPORT": "postgres",
        "HOURHAND_API_TOKEN": TOKEN,
    }
    command = [sys.executable, "-m", "hourhand", "admin", "--port", "0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            address = next(
                word for line in process.stdout for word in line.split() if word.startswith("http://")
            )
            headers = {"authorization": f"Bearer {TOKEN}", "accept": "text/html"}
            with httpx.Client(base_url=address, headers=headers, timeout=60) as browser:
                yield browser
        finally:
            process.terminate()


def _cpu(transport: PostgresTransport) -> float:
    """Milliseconds that the admin and its connections have used so far."""
    asked = "select pid from pg_stat_activity where application_name = 'hourhand-admin'"
    pids = [row[0] for row in transport.query(asked)]
    pids += [
        row[0]
        for row in transport.query(
            "select pid from hourhand.services where kind = 'admin' and state = 'open'"
        )
    ]
    return sum(map(_cpu_of, pids))


def _cpu_of(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def _get(admin: httpx.Client, path: str) -> None:
    admin.get(path).raise_for_status()


def _times(ask: Callable[[], object], times: int) -> list[float]:
    """In milliseconds."""
    found = []
    for _ in range(times + WARM):
        began = time.perf_counter()
        ask()
        found.append((time.perf_counter() - began) * 1000)
    return found[WARM:]


def _cuts(found: list[float]) -> str:
    cuts = statistics.quantiles(found, n=100, method="inclusive")
    return f"{cuts[49]:8.1f}{cuts[94]:8.1f}{max(found):8.1f}"


if __name__ == "__main__":
    main()
