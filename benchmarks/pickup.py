"""How soon an idle worker with default settings starts a run that is enqueued.

    python benchmarks/pickup.py [--runs 300] [--url postgresql://…]

Milliseconds, on one machine with the database: from the call of enqueue, and from its answer, to the start of
the task's handler.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from databases import database, durability

from hourhand import Client

TASKS = """
import time
from hourhand import task

@task("tell", max_attempts=1)
async def tell() -> float:
    return time.time()
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--url", default=os.environ.get("DATABASE_URL"))
    options = parser.parse_args()
    if not options.url:
        parser.error("set DATABASE_URL or give --url")
    print(durability(options.url))
    with database(options.url) as url, Client(url) as client, _worker(url):
        for _ in range(10):
            client.enqueue("tell").wait(60)
        moments = [_once(client) for _ in range(options.runs)]
    print(f"{options.runs} runs, milliseconds to the handler{'p50':>12}{'p90':>8}{'p99':>8}{'max':>8}")
    _report("after the call of enqueue", [started - called for called, _, started in moments])
    _report("after its answer", [started - answered for _, answered, started in moments])


def _once(client: Client) -> tuple[float, float, float]:
    """When enqueue was called, when it answered, when the handler started."""
    called = time.time()
    handle = client.enqueue("tell")
    answered = time.time()
    return called, answered, float(handle.result(timeout=60))


def _report(name: str, seconds: Sequence[float]) -> None:
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    shown = (cuts[49], cuts[89], cuts[98], max(seconds))
    print(f"{name:40}" + "".join(f"{each * 1000:8.1f}" for each in shown))


@contextmanager
def _worker(url: str) -> Iterator[None]:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "bench_tasks.py").write_text(TASKS)
        process = subprocess.Popen(
            [sys.executable, "-m", "hourhand", "worker", "--tasks", "bench_tasks"],
            cwd=directory,
            env={**os.environ, "DATABASE_URL": url, "LOG_LEVEL": "WARNING"},
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(60)


if __name__ == "__main__":
    main()
