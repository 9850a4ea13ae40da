"""What HTTPS costs: the same work through supabase-py and PostgREST, and through psycopg.

    python benchmarks/https.py [--runs 6000]

A real PostgREST on this machine, with the roles and limits of a Supabase project, before an embedded Postgres
with its default durability. The network of a real project adds its round trip to each call, so that larger
batches matter more there. Trust the ratios, not the numbers.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

sys.path.insert(0, str(Path(__file__).parents[1]))

from hourhand.embedded import Server
from hourhand.transport import Transport
from hourhand.transport.postgres import PostgresTransport
from hourhand.transport.supabase import SupabaseTransport
from tests.support.databases import Postgres
from tests.support.postgrest import PostgREST, postgrest, project_template, url_as

TASKS = """
from hourhand import task

@task("noop")
async def noop(url: str, limit: int) -> None: ...
"""

RATE = """
select count(*) / extract(epoch from max(finished_at) - min(claimed_at))
from hourhand.job_runs where status = 'completed'
"""

GOALS = {"worker, batch 5": 600, "worker, batch 100": 3000, "enqueue, 1000 a call": 10_000}
MOST_MEMORY = 90
"""MiB of a worker over Supabase."""


@dataclass(frozen=True)
class Figures:
    rate: float
    memory: float = 0.0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=6000, help="size of the backlog")
    runs = parser.parse_args().runs
    print(f"{'per second':<24} {'supabase-py':>12} {'psycopg':>9}   ratio   goal")
    with _project() as (postgres, template):
        met = [_compare(postgres, template, name, runs) for name in GOALS]
    return 0 if all(met) else 1


@contextmanager
def _project() -> Iterator[tuple[Postgres, str]]:
    with tempfile.TemporaryDirectory() as directory, Server(Path(directory)) as server:
        postgres = Postgres(server.url)
        with project_template(postgres) as template:
            yield postgres, template


def _compare(postgres: Postgres, template: str, name: str, runs: int) -> bool:
    figures = [_measured(postgres, template, name, runs, over_http) for over_http in (True, False)]
    https, direct = figures
    memory = f"   RSS {https.memory:.0f} and {direct.memory:.0f} MiB" if https.memory else ""
    rates = f"{https.rate:>12.0f} {direct.rate:>9.0f}   {https.rate / direct.rate:>5.2f}"
    print(f"{name:<24} {rates}   ≥ {GOALS[name]}{memory}", flush=True)
    return https.rate >= GOALS[name] and https.memory <= MOST_MEMORY


def _measured(postgres: Postgres, template: str, name: str, runs: int, over_http: bool) -> Figures:
    """In a database of its own, which both start with alike."""
    with postgres.database(template=template) as url, postgrest(url) as rest:
        if name.startswith("enqueue"):
            with closing(_transport(rest, over_http)) as transport:
                return Figures(_enqueue(transport, runs))
        with closing(_transport(rest, over_http)) as transport:
            _enqueue(transport, runs)
        return _work(rest, int(name.rpartition(" ")[2]), over_http)


def _transport(rest: PostgREST, over_http: bool) -> Transport:
    if over_http:
        return SupabaseTransport(rest.url, rest.key, application_name="hourhand-bench", rest_path="")
    return PostgresTransport(url_as(rest.database_url, "postgres"), application_name="hourhand-bench")


def _enqueue(transport: Transport, runs: int) -> float:
    """Rows per second, 1000 a call, each with a small payload; after a first call, which connects."""
    jobs = [
        {"task": "noop", "payload": {"url": f"https://example.org/{n}", "limit": 50}} for n in range(1000)
    ]
    transport.call("enqueue_many", {"p_jobs": jobs})
    calls = max(runs // 1000 - 1, 3)
    began = time.perf_counter()
    for _ in range(calls):
        transport.call("enqueue_many", {"p_jobs": jobs})
    return calls * 1000 / (time.perf_counter() - began)


def _work(rest: PostgREST, batch: int, over_http: bool) -> Figures:
    """One worker process until nothing is left: its rate by the database's clock, its largest size."""
    environment = rest.environment if over_http else {"DATABASE_URL": rest.database_url}
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, f"bench_{uuid.uuid4().hex}.py").write_text(TASKS)
        module = next(Path(directory).glob("*.py")).stem
        process = subprocess.Popen(
            [sys.executable, "-m", "hourhand", "worker", "--drain", "--tasks", module, "--batch", str(batch)],
            cwd=directory,
            env={**os.environ, **environment, "LOG_LEVEL": "WARNING"},
        )
        memory = _largest(process)
    if process.returncode:
        raise SystemExit(f"the worker ended with {process.returncode}")
    with psycopg.connect(rest.database_url) as database:
        row = database.execute(RATE).fetchone()
    assert row is not None
    return Figures(float(row[0]), memory)


def _largest(process: "subprocess.Popen[bytes]") -> float:
    """MiB, looked at until it ends. (What wait4 tells counts what the process was before its exec, too.)"""
    largest = 0.0
    while process.poll() is None:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
        largest = int(found[1]) / 1024 if found else largest
        time.sleep(0.05)
    return largest


if __name__ == "__main__":
    sys.exit(main())
