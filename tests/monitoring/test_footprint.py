"""What idle daemons take of memory and of a core. `benchmarks/footprint.py` measures the same for longer."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support import eventually

pytestmark = pytest.mark.slow

WATCHED = 5.0
MOST_MEMORY = 62  # MiB; ten more than measured where there is bytecode, for where there is none
MOST_CPU = 0.005


@pytest.fixture
def daemons(database_url: str, tmp_path: Path) -> Iterator[dict[str, "subprocess.Popen[bytes]"]]:
    """A scheduler and a worker with default settings, ready and with nothing to do."""
    (tmp_path / "idle_tasks.py").write_text(
        'from hourhand import task\n@task("nothing")\ndef nothing() -> None: ...\n'
    )
    environment = {**os.environ, "DATABASE_URL": database_url, "HOURHAND_TASKS": "idle_tasks"}
    with ExitStack() as stack:
        started = {}
        for service in ("scheduler", "worker"):
            with (tmp_path / f"{service}.log").open("wb") as log:
                process = started[service] = subprocess.Popen(
                    [sys.executable, "-m", "hourhand", service],
                    cwd=tmp_path, env=environment, stdout=log, stderr=log,
                )  # fmt: skip
            stack.callback(process.wait)
            stack.callback(process.kill)
        for service in started:
            eventually(lambda: "started. Polling" in (tmp_path / f"{service}.log").read_text(), 30)  # noqa: B023
        yield started


def memory(pid: int) -> float:
    """Of the resident set, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def cpu(pid: int) -> float:
    """Seconds, of all threads and of the children."""
    total = 0.0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        total += int((thread / "schedstat").read_text().split()[0]) / 1e9
        total += sum(cpu(int(child)) for child in (thread / "children").read_text().split())
    return total


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_idle_daemons_take_little(
    daemons: dict[str, "subprocess.Popen[bytes]"], record_property: Callable[[str, object], None]
) -> None:
    pids = {service: process.pid for service, process in daemons.items()}
    threading.Event().wait(2)  # their first looks
    before = {service: cpu(pid) for service, pid in pids.items()}
    threading.Event().wait(WATCHED)
    share = {service: (cpu(pid) - before[service]) / WATCHED for service, pid in pids.items()}
    resident = {service: memory(pid) for service, pid in pids.items()}
    record_property(
        "measured",
        "idle: "
        + ", ".join(f"{service} {resident[service]:.1f} MiB, {share[service]:.2%} CPU" for service in pids),
    )
    assert max(resident.values()) <= MOST_MEMORY
    assert max(share.values()) <= MOST_CPU
