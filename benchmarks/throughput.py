"""No-op runs per second of one worker process, beside what the same SQL functions give without a worker.

    python benchmarks/throughput.py [--runs 50000] [--only 5,500]

Needs a Postgres server with its durability on: DATABASE_URL, an account that may create databases. Each
measurement starts from an enqueued backlog in a database of its own and keeps the whole history. Times are
the database's: from the first claim to the last finish. Trust the ratios, not the numbers.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from databases import database, durability

from hourhand import columns
from hourhand.transport.postgres import PostgresTransport

TASKS = """
from hourhand import task

@task("noop")
async def noop() -> None: ...

@task("noop-thread")
def noop_thread() -> None: ...
"""

BACKLOG = """
insert into hourhand.job_runs (task, max_attempts) select %s, 4 from generate_series(1, %s)
"""
RATE = """
select count(*) / extract(epoch from max(finished_at) - min(claimed_at))
from hourhand.job_runs where status = 'completed'
"""


def main() -> None:
    options = _options()
    print(durability(options.url))
    print("runs/s by batch; `raw` claims and finishes on one connection, `overlapped` on two at once")
    print(
        f"{'batch':>6} {'raw':>8} {'overlapped':>11} {'async':>8} {'thread':>8}   async/raw  async/overlapped"
    )
    for batch in options.only:
        runs = min(options.runs, max(2000, batch * 400))

        def rate(task: str, work: Callable[[str, int], None], batch: int = batch, runs: int = runs) -> float:
            return _measured(options.url, task, runs, lambda url: work(url, batch))

        raw, overlapped = rate("noop", _loop), rate("noop", _overlapped)
        on_loop, in_threads = rate("noop", _worker), rate("noop-thread", _worker)
        print(
            f"{batch:>6} {raw:>8.0f} {overlapped:>11.0f} {on_loop:>8.0f} {in_threads:>8.0f}"
            f"   {on_loop / raw:>9.2f}  {on_loop / overlapped:>16.2f}",
            flush=True,
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--runs", type=int, default=50_000, help="size of the backlog (small batches take fewer)"
    )
    parser.add_argument(
        "--only", type=lambda text: [int(b) for b in text.split(",")], default=[5, 100, 500, 1000]
    )
    parser.add_argument("--url", default=os.environ.get("DATABASE_URL"))
    options = parser.parse_args()
    if not options.url:
        parser.error("set DATABASE_URL or give --url")
    return options


def _measured(url: str, task: str, runs: int, work: Callable[[str], None]) -> float:
    with _database(url, task, runs) as own:
        work(own)
        with psycopg.connect(own) as connection:
            return float(connection.execute(RATE).fetchone()[0])  # type: ignore[index]


@contextmanager
def _database(server: str, task: str, runs: int) -> Iterator[str]:
    with database(server) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(BACKLOG.encode(), [task, runs])
            connection.execute("vacuum analyze")
            connection.execute("checkpoint")
        yield url


def _worker(url: str, batch: int) -> None:
    """One worker process until nothing is left. Its log says only what is wrong."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "bench_tasks.py").write_text(TASKS)
        command = [sys.executable, "-m", "hourhand", "worker", "--drain", "--tasks", "bench_tasks"]
        subprocess.run(
            [*command, "--batch", str(batch)],
            cwd=directory,
            env={**os.environ, "DATABASE_URL": url, "LOG_LEVEL": "WARNING"},
            check=True,
        )


class _Hand:
    """Claims and finishes as a worker does, and does nothing in between."""

    def __init__(self, url: str, batch: int) -> None:
        self.transport = PostgresTransport(url, application_name="hourhand-bench")
        self.session = str(uuid.uuid4())
        self.batch = batch
        self.transport.call(
            "open_session",
            {"p_session": self.session, "p_kind": "worker", "p_name": "bench", "p_lease": 3600.0,
             "p_tasks": [{"name": "noop"}]},
        )  # fmt: skip

    def claim(self) -> list[dict[str, object]]:
        parameters = {"p_max": self.batch, "p_tasks": ["noop"], "p_queues": ["default"], "p_packed": True}
        answer = self.transport.call(
            "claim", {"p_session": self.session, "p_claim_id": str(uuid.uuid4()), **parameters}
        )
        return columns.rows(answer["runs"])

    def finish(self, runs: list[dict[str, object]]) -> None:
        results = columns.columns(runs, ["id", "token"])
        self.transport.call("finish", {"p_session": self.session, "p_results": results})


def _loop(url: str, batch: int) -> None:
    hand = _Hand(url, batch)
    while runs := hand.claim():
        hand.finish(runs)
    hand.transport.close()


def _overlapped(url: str, batch: int) -> None:
    """The next claim while the last finish is under way: what two connections can give at most."""
    hand = _Hand(url, batch)
    runs = hand.claim()
    while runs:
        finishing = threading.Thread(target=hand.finish, args=[runs])
        finishing.start()
        runs = hand.claim()
        finishing.join()
    hand.transport.close()


if __name__ == "__main__":
    started = time.monotonic()
    main()
    print(f"took {time.monotonic() - started:.0f} s")
