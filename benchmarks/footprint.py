"""What an idle scheduler and an idle worker with default settings take, and how soon they are ready and gone.

    python benchmarks/footprint.py [--seconds 120] [--url postgresql://…]

Ready: from the start of the command to the line that says so. Memory: the resident set, in MiB, and the part
of it that no other process shares. CPU: of one core, with the processes that the daemon has started itself.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from databases import database, durability

STARTED = b"started. Polling"
TASKS = """
from hourhand import task

@task("nothing")
def nothing() -> None: ...
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--url", default=os.environ.get("DATABASE_URL"))
    options = parser.parse_args()
    if not options.url:
        parser.error("set DATABASE_URL or give --url")
    print(durability(options.url))
    print(f"{'':10}{'ready s':>9}{'RSS':>8}{'own':>8}{'CPU %':>8}{'stop s':>8}")
    with database(options.url) as url:
        for service in ("scheduler", "worker"):
            _measure(service, url, options.seconds)


def _measure(service: str, url: str, seconds: float) -> None:
    with _started(service, url):
        pass  # so that the bytecode is there
    with _started(service, url) as (process, ready):
        time.sleep(5)  # the first looks are over
        rss, own = (_status(process.pid, field) / 1024 for field in ("VmRSS", "RssAnon"))
        before = _cpu(process.pid)
        time.sleep(seconds)
        used = (_cpu(process.pid) - before) / seconds * 100
        told = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        stopped = time.monotonic() - told
    print(f"{service:10}{ready:>9.2f}{rss:>8.1f}{own:>8.1f}{used:>8.2f}{stopped:>8.2f}")


@contextmanager
def _started(service: str, url: str) -> Iterator[tuple["subprocess.Popen[bytes]", float]]:
    """The daemon, and after how many seconds it was ready."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "footprint_tasks.py").write_text(TASKS)
        cache = Path(tempfile.gettempdir(), "hourhand-footprint-bytecode")
        environment = {
            **os.environ,
            "DATABASE_URL": url,
            "HOURHAND_TRANSPORT": "postgres",
            "PYTHONPYCACHEPREFIX": str(cache),
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        tasks = ["--tasks", "footprint_tasks"] if service == "worker" else []
        began = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "hourhand", service, *tasks],
            cwd=directory,
            env=environment,
            stdout=subprocess.PIPE,
        )
        try:
            assert process.stdout is not None
            if not any(STARTED in line for line in process.stdout):
                raise SystemExit(f"the {service} ended with code {process.wait()}")
            yield process, time.monotonic() - began
        finally:
            process.terminate()
            process.wait(60)


def _status(pid: int, field: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def _cpu(pid: int) -> float:
    """Seconds, of the process, its threads and its children."""
    tasks = list(Path(f"/proc/{pid}/task").iterdir())
    own = sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
    children = (child for task in tasks for child in (task / "children").read_text().split())
    return own + sum(_cpu(int(child)) for child in children)


if __name__ == "__main__":
    main()
