"""A rolling deploy: programs of the version before and of this one, at once, on one database, under load."""

import json
import os
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from hourhand import migrate
from hourhand.transport.postgres import PostgresTransport
from tests.support import eventually
from tests.upgrade import previous

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

BEFORE, NOW = "before", "now"
SCHEDULES = 5
PROGRAMS = {
    "prepare.py": f"""
        import os
        from hourhand import Client, migrate
        from hourhand.transport.postgres import PostgresTransport

        migrate.apply(PostgresTransport(os.environ["DATABASE_URL"], application_name="prepare"))
        with Client() as client:
            for number in range({SCHEDULES}):
                client.schedules.create(f"s{{number}}", "coroutine", every=1, overlap="allow_all", catch_up="all")
    """,
    "tasks.py": """
        import os
        import hourhand
        from hourhand import Run, task

        VERSION = os.environ["VERSION"]
        DONE = os.open(f"done-{VERSION}", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        assert ("previous" in hourhand.__file__) == (VERSION == "before")

        def note(run):
            os.write(DONE, b"%d\\n" % run.id)

        @task("coroutine")
        async def coroutine(run: Run) -> None:
            note(run)

        @task("function")
        def function(run: Run) -> None:
            note(run)
    """,
    "client.py": """
        import os
        import threading
        from hourhand import Client

        pause = threading.Event()

        with Client(patience=30) as client, open(f"made-{os.environ['VERSION']}", "w") as made:
            while not os.path.exists("enough"):
                pause.wait(0.03)
                handles = [client.enqueue("coroutine"), *client.enqueue_many("function", [{}, {}])]
                print(*(handle.id for handle in handles), file=made, flush=True)
    """,
}


class Fleet:
    """Programs of both versions in one directory, in which they note what they have made and done."""

    def __init__(self, url: str, directory: Path, stack: ExitStack) -> None:
        self._url = url
        self._directory = directory
        self._stack = stack
        self._before = previous.unpack(directory / "previous")
        for name, text in PROGRAMS.items():
            (directory / name).write_text(textwrap.dedent(text))

    def start(self, version: str, *command: str) -> "subprocess.Popen[bytes]":
        environment = {
            **os.environ,
            "DATABASE_URL": self._url,
            "HOURHAND_LOG_FORMAT": "json",
            "HOURHAND_TASKS": "tasks",
            "JOB_SCHEDULER_POLL_MS": "1000",
            "PYTHONPATH": self._before if version == BEFORE else "",
            "VERSION": version,
        }
        with (self._directory / f"{version}-{command[-1]}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, *command], cwd=self._directory, env=environment, stdout=log, stderr=log
            )
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        return process

    def daemon(self, version: str, service: str) -> "subprocess.Popen[bytes]":
        return self.start(version, "-m", "hourhand", service)

    def enough(self) -> None:
        """Clients end."""
        (self._directory / "enough").touch()

    def made(self, version: str) -> list[int]:
        return self._ids(f"made-{version}")

    def done(self, version: str) -> list[int]:
        """Runs whose tasks were called."""
        return self._ids(f"done-{version}")

    def fired(self, version: str) -> list[int]:
        """Runs of schedules, by the scheduler's log."""
        log = (self._directory / f"{version}-scheduler.log").read_text()
        lines = [json.loads(line) for line in log.splitlines() if line.endswith("}")]
        return [line["run_id"] for line in lines if line["event"] == "schedule.fired"]

    def _ids(self, name: str) -> list[int]:
        path = self._directory / name
        return [int(run) for run in path.read_text().split()] if path.exists() else []


@pytest.fixture
def fleet(empty_database_url: str, tmp_path: Path) -> Iterator[Fleet]:
    with ExitStack() as stack:
        yield Fleet(empty_database_url, tmp_path, stack)


@pytest.fixture
def transport(empty_database_url: str) -> Iterator[PostgresTransport]:
    transport = PostgresTransport(empty_database_url, application_name="hourhand-tests", patience=30.0)
    yield transport
    transport.close()


def stop(*processes: "subprocess.Popen[bytes]") -> None:
    for process in processes:
        process.terminate()
    assert [process.wait(60) for process in processes] == [0] * len(processes)


def await_more(fleet: Fleet, *versions: str) -> None:
    """Until each of them has fired and worked on."""
    until = {version: (len(fleet.fired(version)) + 3, len(fleet.done(version)) + 50) for version in versions}

    def is_done() -> bool:
        return all(
            len(fleet.fired(version)) >= fired and len(fleet.done(version)) >= done
            for version, (fired, done) in until.items()
        )

    eventually(is_done, 60, interval=0.1)


def test_nothing_is_lost_and_nothing_doubled(
    fleet: Fleet, transport: PostgresTransport, record_property: Callable[[str, object], None]
) -> None:
    assert fleet.start(BEFORE, "prepare.py").wait(60) == 0
    old = [fleet.daemon(BEFORE, "scheduler"), fleet.daemon(BEFORE, "worker")]
    clients = [fleet.start(BEFORE, "client.py")]
    eventually(lambda: len(fleet.done(BEFORE)) > 100 and fleet.fired(BEFORE), 30, interval=0.1)

    migrate.apply(transport)
    scheduler, worker = fleet.daemon(NOW, "scheduler"), fleet.daemon(NOW, "worker")
    clients.append(fleet.start(NOW, "client.py"))
    eventually(lambda: fleet.fired(NOW) and fleet.done(NOW), 60, interval=0.1)
    await_more(fleet, BEFORE, NOW)
    stop(*old)
    await_more(fleet, NOW)

    fleet.enough()
    assert [client.wait(60) for client in clients] == [0, 0]
    stop(scheduler)
    eventually(lambda: transport.query("select count(*) from hourhand_parts.job_runs_live") == [(0,)], 60)
    stop(worker)

    runs = dict[int, str](transport.query("select id, status from hourhand.job_runs"))
    assert Counter(runs.values()) == {"completed": len(runs)}
    told = {
        what: {version: what(version) for version in (BEFORE, NOW)}
        for what in (fleet.made, fleet.fired, fleet.done)
    }
    asked = Counter(run for what in (fleet.made, fleet.fired) for ids in told[what].values() for run in ids)
    done = Counter(run for ids in told[fleet.done].values() for run in ids)
    assert asked == done == Counter([*runs])
    assert gaps(transport) == []
    counts = [
        f"{what.__name__} {len(by[BEFORE])} by the version before, {len(by[NOW])} by this one"
        for what, by in told.items()
    ]
    record_property("measured", f"{'; '.join(counts)}; 0 of {len(runs)} lost, 0 doubled")


def gaps(transport: PostgresTransport) -> list[Any]:
    """Neighbours in the ledger that are not a second apart, or did not fire."""
    rows = transport.query(
        "select schedule_id, scheduled_for, decision from hourhand.schedule_firings order by 1, 2"
    )
    return [
        (earlier, later)
        for earlier, later in pairwise(rows)
        if earlier[0] == later[0]
        and (later[1] - earlier[1] != timedelta(seconds=1) or (earlier[2], later[2]) != ("fired", "fired"))
    ]
