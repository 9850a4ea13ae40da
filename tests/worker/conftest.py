"""Workers in this process (`drain`, `running`) and in processes of their own (`spawn`)."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from hourhand import log, registry
from hourhand.log.lines import Line
from hourhand.registry import Registry
from hourhand.settings import Settings, load_settings
from hourhand.transport.postgres import PostgresTransport
from hourhand_worker.worker import Until, Worker


@pytest.fixture
def tasks() -> Iterator[Registry]:
    """What `@task` fills in the test."""
    with registry.isolated() as own:
        yield own


@pytest.fixture
def lines() -> Iterator[list[Line]]:
    """Every line of the event log."""
    with log.captured() as captured:
        yield captured


@pytest.fixture
def enqueue(transport: PostgresTransport) -> Callable[..., int]:
    def enqueue(task: str, payload: Any = None, **options: Any) -> int:
        params = {f"p_{name}": value for name, value in options.items()}
        answer = transport.call("enqueue", {"p_task": task, "p_payload": payload, **params})
        return int(answer["id"])

    return enqueue


@pytest.fixture
def run_of(transport: PostgresTransport) -> Callable[[int], dict[str, Any]]:
    """The columns of one run."""
    query = "select to_jsonb(r) from hourhand.job_runs r where id = {}"
    return lambda run: dict(transport.query(query.format(run))[0][0])


@pytest.fixture
def attempts_of(transport: PostgresTransport) -> Callable[[int], list[dict[str, Any]]]:
    """What is written about attempts that did not simply complete, the oldest first."""
    query = "select to_jsonb(a) from hourhand.job_run_attempts a where run_id = {} order by ended_at, attempt"
    return lambda run: [row[0] for row in transport.query(query.format(run))]


@pytest.fixture
def settings(database_url: str) -> Callable[..., Settings]:
    def settings(**overrides: Any) -> Settings:
        return load_settings(**{"database_url": database_url, "transport": "postgres", **overrides})

    return settings


@pytest.fixture
def make(
    settings: Callable[..., Settings], tasks: Registry, database_url: str
) -> Iterator[Callable[..., Worker]]:
    """A worker on a transport of its own."""
    with ExitStack() as stack:

        def make(
            *, until: Until | None = None, name: str = "tested", ended: Any = None, **overrides: Any
        ) -> Worker:
            transport = PostgresTransport(database_url, application_name="hourhand-worker", patience=5.0)
            stack.callback(transport.close)
            return Worker(settings(**overrides), tasks, transport, name=name, until=until, ended=ended)

        yield make


@pytest.fixture
def drain(make: Callable[..., Worker]) -> Callable[..., Worker]:
    """Works until nothing is runnable; the worker, for its counts."""

    def drain(**overrides: Any) -> Worker:
        worker = make(until=Until(drain=True), **overrides)
        worker.run()
        return worker

    return drain


@pytest.fixture
def running(make: Callable[..., Worker]) -> Callable[..., Any]:
    """A worker that runs in a thread while inside."""

    @contextmanager
    def running(**overrides: Any) -> Iterator[Worker]:
        worker = make(**overrides)
        thread = threading.Thread(target=worker.run, name="tested-worker")
        thread.start()
        try:
            yield worker
        finally:
            worker.stop()
            thread.join(30)
            assert not thread.is_alive()

    return running


class Process:
    """`hourhand worker` as its own process, with a module of tasks; lines of its JSON log in `log`."""

    def __init__(self, directory: Path, environment: dict[str, str], arguments: tuple[str, ...]) -> None:
        self._output = directory / f"worker-{len(list(directory.glob('worker-*')))}.log"
        with self._output.open("wb") as output:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "hourhand", "worker", "--tasks", "tested_tasks", *arguments],
                cwd=directory,
                env={**os.environ, **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def log(self) -> str:
        return self._output.read_text()

    def kill(self) -> None:
        self.popen.send_signal(signal.SIGKILL)
        self.popen.wait(10)

    def terminate(self) -> None:
        self.popen.send_signal(signal.SIGTERM)

    def wait(self, timeout: float = 30) -> int:
        return self.popen.wait(timeout)


@pytest.fixture
def spawn(database_url: str, tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Starts a worker process: `spawn(source_of_tasks, "--drain", HOURHAND_LEASE_SECONDS="1")`."""
    with ExitStack() as stack:

        def spawn(source: str, *arguments: str, **environment: str) -> Process:
            (tmp_path / "tested_tasks.py").write_text(textwrap.dedent(source))
            process = Process(
                tmp_path,
                {"DATABASE_URL": database_url, "HOURHAND_LOG_FORMAT": "json", **environment},
                arguments,
            )
            stack.callback(process.kill)
            return process

        yield spawn
