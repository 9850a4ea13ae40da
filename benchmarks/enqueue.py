"""Rows per second of bulk enqueue through the client, beside raw SQL that writes the same rows.

    python benchmarks/enqueue.py [--runs 100000] [--url postgresql://…]

Needs a Postgres server with its durability on: DATABASE_URL, an account that may create databases. Every way
gets a database of its own. `client` is the time this process computed, `server` what its backend did, in
microseconds a row (Linux): these hold on a busy machine, rows per second do not.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
from databases import database, durability
from psycopg.types.json import Jsonb
from pydantic import BaseModel

from hourhand import Client, task

COLUMNS = "task, payload, queue, run_at, claim_at, max_attempts, timeout, trigger, created_at"
SAME = "'bench', %s, 'default', now(), now(), 4, interval '1 hour', 'api', now()"
CHUNK = 1000


class Feed(BaseModel):
    url: str
    limit: int = 50


@task("bench-known")
def known(feed: Feed) -> None: ...


Work = Callable[[Client, psycopg.Connection, int], object]


def payloads(runs: int) -> Iterator[dict[str, Any]]:
    return ({"url": f"https://a.example/{number}", "limit": 50} for number in range(runs))


def raw_copy(_: Client, connection: psycopg.Connection, runs: int) -> None:
    now = connection.execute("select now()::text").fetchone()
    assert now
    with connection.cursor().copy(f"copy hourhand.job_runs ({COLUMNS}) from stdin".encode()) as copy:
        for payload in payloads(runs):
            copy.write_row(("bench", Jsonb(payload), "default", now[0], now[0], 4, "1 hour", "api", now[0]))


def raw_insert(_: Client, connection: psycopg.Connection, runs: int) -> None:
    """Rows of values, a thousand a statement, with the ids that they got."""
    rows = [Jsonb(payload) for payload in payloads(runs)]
    for start in range(0, runs, CHUNK):
        part = rows[start : start + CHUNK]
        values = ", ".join([f"({SAME})"] * len(part))
        query = f"insert into hourhand.job_runs ({COLUMNS}) values {values} returning id"
        connection.execute(query.encode(), part).fetchall()


WAYS: dict[str, Work] = {
    "raw COPY": raw_copy,
    "raw INSERT … VALUES": raw_insert,
    "copy_runs": lambda client, _, runs: client.copy_runs("bench", payloads(runs)),
    "copy_runs, checked": lambda client, _, runs: client.copy_runs(known, payloads(runs)),
    "enqueue_many": lambda client, _, runs: client.enqueue_many("bench", payloads(runs)),
    "enqueue_many, checked": lambda client, _, runs: client.enqueue_many(known, payloads(runs)),
    "enqueue_many, keys": lambda client, _, runs: client.enqueue_many(
        "bench", payloads(runs), key=lambda payload: payload["url"]
    ),
    "enqueue, one by one": lambda client, _, runs: [
        client.enqueue("bench", payload) for payload in payloads(runs // 100)
    ],
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--url", default=os.environ.get("DATABASE_URL"))
    options = parser.parse_args()
    if not options.url:
        parser.error("set DATABASE_URL or give --url")
    print(durability(options.url))
    print(f"{'':24}{'rows/s':>9}{'of COPY':>9}{'of INSERT':>10}{'client':>9}{'server':>9}")
    rates: dict[str, float] = {}
    for name, work in WAYS.items():
        rates[name], client, server = _measured(options.url, work, options.runs)
        of_copy, of_insert = (_ratio(rates, name, raw) for raw in list(WAYS)[:2])
        print(f"{name:24}{rates[name]:9.0f}{of_copy:>9}{of_insert:>10}{client:9.1f}{server:9.1f}", flush=True)


def _ratio(rates: dict[str, float], name: str, raw: str) -> str:
    return f"{rates[name] / rates[raw]:.2f}" if raw in rates else ""


def _measured(server: str, work: Work, runs: int) -> tuple[float, float, float]:
    """Rows a second; microseconds a row of this process and of the server's."""
    with (
        database(server) as url,
        Client(url) as client,
        psycopg.connect(url, autocommit=True) as connection,
        psycopg.connect(url, autocommit=True) as watcher,
    ):
        client.now()
        computed, before, started = time.process_time(), _computed(watcher), time.perf_counter()
        work(client, connection, runs)
        seconds = time.perf_counter() - started
        computed, served = time.process_time() - computed, _computed(watcher) - before
        row = watcher.execute("select count(*) from hourhand.job_runs").fetchone()
    written = row[0] if row else 0
    return written / seconds, computed / written * 1e6, served / written * 1e6


def _computed(watcher: psycopg.Connection) -> float:
    """Seconds of CPU that the other backends of this database have used; 0 where that can't be seen."""
    query = "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    return sum(_seconds(pid) for (pid,) in watcher.execute(query).fetchall())


def _seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
