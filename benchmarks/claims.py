"""How long a claim takes among what else is in the tables, as ratios to an almost empty queue.

    python benchmarks/claims.py [--batch 100] [--claims 100] [--full]

Needs a Postgres server with its durability on: DATABASE_URL, an account that may create databases. Each
situation has a database of its own. Every claim is followed by a finish, as a worker does. Trust the ratios,
not the numbers.
"""

import argparse
import os
import statistics
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import psycopg
from databases import database
from psycopg.types.json import Jsonb

from hourhand import columns

TASKS = [f"task{n}" for n in range(20)]
Connection = psycopg.Connection[tuple[object, ...]]

ENQUEUE = """
insert into hourhand.job_runs (task, queue, run_at, max_attempts)
select 'task' || n %% %(tasks)s, 'default', hourhand.clock() - n * interval '1 millisecond', 4
from generate_series(1, %(rows)s) n
"""
HISTORY = """
insert into hourhand_parts.job_runs_history (
  id, task, payload, queue, status, run_at, claim_at, attempt, max_attempts, timeout, trigger, created_at,
  claimed_at, started_at, finished_at, session_id, token, claim_id
)
select nextval('hourhand.job_runs_id_seq'), 'task0', '{}', 'default', 'completed', t, t, 1, 4, '1 hour',
  'api', t, t, t, t, u, u, u
from (
  select hourhand.clock() - n * interval '0.2 seconds' as t, uuid 'a0000000-0000-4000-8000-000000000000' as u
  from generate_series(1, %s) n
) s
"""
CLAIM = """
select hourhand.claim(%s, gen_random_uuid(), %s, %s, '["default"]', p_floor => %s, p_packed => true)
"""


@dataclass
class Worker:
    """One session, which gives back what a claim answers as a real worker does."""

    connection: Connection
    tasks: list[str]
    session: uuid.UUID
    floor: object = None

    @classmethod
    def open(cls, connection: Connection, tasks: list[str]) -> "Worker":
        session = uuid.uuid4()
        connection.execute(
            "select hourhand.open_session(%s, 'worker', 'bench', p_lease => 36000, p_tasks => %s)",
            [session, Jsonb([{"name": name} for name in tasks])],
        )
        return cls(connection, tasks, session)

    def claim(self, most: int) -> tuple[float, list[dict[str, object]]]:
        """Seconds and runs."""
        began = time.perf_counter()
        row = self.connection.execute(
            CLAIM,
            [self.session, most, Jsonb(self.tasks), None if self.floor is None else Jsonb(self.floor)],
        ).fetchone()
        took = time.perf_counter() - began
        answer = row[0] if row else {}
        self.floor = answer["floor"]  # type: ignore[index]
        return took, columns.rows(answer["runs"])  # type: ignore[index]

    def finish(self, runs: list[dict[str, object]]) -> None:
        results = [{"id": run["id"], "token": run["token"], "outcome": "completed"} for run in runs]
        self.connection.execute("select hourhand.finish(%s, %s)", [self.session, Jsonb(results)])


def pending(rows: int, tasks: int = 1) -> Callable[[Connection], None]:
    def prepare(connection: Connection) -> None:
        connection.execute(ENQUEUE, {"rows": rows, "tasks": tasks})

    return prepare


def history(rows: int) -> Callable[[Connection], None]:
    def prepare(connection: Connection) -> None:
        connection.execute(HISTORY, [rows])

    return prepare


def nothing(connection: Connection) -> None:
    """Leave the tables empty."""


def measure(
    url: str,
    options: argparse.Namespace,
    prepare: Callable[[Connection], None],
    tasks: int = 1,
    dead: int = 0,
) -> list[float]:
    """Seconds of each claim. With `dead`, so many runs ended before under a snapshot that is held."""
    with database(url) as own, psycopg.connect(own, autocommit=True) as connection:
        prepare(connection)
        pending(dead + options.batch * (options.claims + 5), tasks)(connection)
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")
        worker = Worker.open(connection, TASKS[:tasks])
        with psycopg.connect(own) as holder:
            if dead:
                holder.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                holder.execute("select count(*) from hourhand.queues")
            for _ in range(dead // 1000):
                worker.finish(worker.claim(1000)[1])
            times = []
            for _ in range(options.claims + 5):
                took, runs = worker.claim(options.batch)
                times.append(took)
                worker.finish(runs)
            return times[5:]


def main() -> None:
    options = _options()
    print(f"milliseconds of a claim of {options.batch} runs")
    print(f"{'':>36} {'p50':>8} {'p99':>8}  {'p50 / empty':>11} {'p99 / empty':>11}")
    base: tuple[float, float] | None = None
    for name, situation in _situations(options).items():
        times = situation()
        p50, p99 = statistics.median(times), statistics.quantiles(times, n=100)[98]
        base = base or (p50, p99)
        print(
            f"{name:>36} {p50 * 1000:>8.2f} {p99 * 1000:>8.2f}  {p50 / base[0]:>11.2f}"
            f" {p99 / base[1]:>11.2f}",
            flush=True,
        )


def _situations(options: argparse.Namespace) -> dict[str, Callable[[], list[float]]]:
    rows = 10_000_000 if options.full else 500_000
    return {
        "empty": lambda: measure(options.url, options, nothing),
        f"{rows:,} in history": lambda: measure(options.url, options, history(rows)),
        f"{rows // 10:,} pending": lambda: measure(options.url, options, pending(rows // 10)),
        "20 tasks": lambda: measure(options.url, options, nothing, tasks=20),
        "100,000 dead, a snapshot is held": lambda: measure(options.url, options, nothing, dead=100_000),
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--claims", type=int, default=200)
    parser.add_argument("--full", action="store_true", help="10 million runs in history, 1 million pending")
    parser.add_argument("--url", default=os.environ.get("DATABASE_URL"))
    options = parser.parse_args()
    if not options.url:
        parser.error("set DATABASE_URL or give --url")
    return options


if __name__ == "__main__":
    main()
