"""All that a test of the worker needs: a database, tasks of its own, and workers to run them."""

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

from hourhand.embedded.child import bound_command
from hourhand.registry import Registry
from hourhand.settings import Settings, load_settings
from hourhand.transport.postgres import PostgresTransport
from hourhand_worker.attempt import Attempt, Result
from hourhand_worker.worker import Worker

Columns = dict[str, Any]


class Workshop:
    """Workers in this process and in others, on one database."""

    def __init__(
        self, url: str, transport: PostgresTransport, tasks: Registry, directory: Path, stack: ExitStack
    ) -> None:
        self.url = url
        self.transport = transport
        self.tasks = tasks
        self.directory = directory
        self._stack = stack

    # --- Runs ---

    def enqueue(self, task: str, payload: Any = None, **options: Any) -> int:
        """With the options of the task, which no worker may have registered yet, but any payload."""
        if task in self.tasks:
            known = self.tasks.get(task)
            options = {"max_attempts": known.max_attempts, "timeout": known.timeout, **options}
        params = {f"p_{name}": value for name, value in {"task": task, "payload": payload, **options}.items()}
        return int(self.transport.call("enqueue", params)["id"])

    def run(self, run: int) -> Columns:
        return self._rows(f"select to_jsonb(r) from hourhand.job_runs r where id = {run}")[0]

    def status(self, run: int) -> str:
        return str(self.run(run)["status"])

    def attempts(self, run: int) -> list[Columns]:
        """What is kept of attempts that did not simply complete, the oldest first."""
        return self._rows(
            f"select to_jsonb(a) from hourhand.job_run_attempts a where run_id = {run} order by ended_at, attempt"
        )

    def outcomes(self, run: int) -> list[str]:
        return [attempt["outcome"] for attempt in self.attempts(run)]

    def logs(self, run: int) -> list[tuple[str, str]]:
        return [
            (line["level"], line["message"])
            for line in self.transport.call("get_logs", {"p_run_id": run})["logs"]
        ]

    def sessions(self) -> list[Columns]:
        return self._rows("select to_jsonb(s) from hourhand.services s order by started_at")

    def _rows(self, query: str) -> list[Columns]:
        return [dict(row[0]) for row in self.transport.query(query)]

    # --- Workers in this process ---

    def settings(self, **overrides: Any) -> Settings:
        return load_settings(
            **{"database_url": self.url, "transport": "postgres", "lease": 5, "shutdown": 5, **overrides}
        )

    def worker(
        self,
        *,
        name: str = "tested",
        url: str | None = None,
        ended: Callable[[Attempt, Result], None] | None = None,
        **overrides: Any,
    ) -> Worker:
        transport = PostgresTransport(url or self.url, application_name="hourhand-worker", patience=5.0)
        self._stack.callback(transport.close)
        return Worker(self.settings(**overrides), self.tasks, transport, name=name, ended=ended)

    def drain(self, **overrides: Any) -> Worker:
        """Works until nothing is runnable; the worker, for its counts."""
        worker = self.worker(**overrides)
        worker.drain()
        return worker

    @contextmanager
    def working(self, **overrides: Any) -> Iterator[Worker]:
        """A worker in a thread while inside."""
        worker = self.worker(**overrides)
        thread = threading.Thread(target=worker.run, name="tested-worker")
        thread.start()
        try:
            yield worker
        finally:
            worker.stop()
            thread.join(30)
            assert not thread.is_alive()

    # --- Workers of their own ---

    def spawn(self, source: str, *arguments: str, **environment: str) -> "Process":
        """`hourhand worker` with the tasks of this source: `spawn(source, "--drain", LOG_LEVEL="DEBUG")`."""
        (self.directory / "tested_tasks.py").write_text(textwrap.dedent(source))
        ours = {"DATABASE_URL": self.url, "HOURHAND_TRANSPORT": "postgres", "HOURHAND_LOG_FORMAT": "json"}
        process = Process(self.directory, {**os.environ, **ours, **environment}, arguments)
        self._stack.callback(process.kill)
        return process


class Process:
    def __init__(self, directory: Path, environment: dict[str, str], arguments: tuple[str, ...]) -> None:
        self._output = directory / f"worker-{len(list(directory.glob('worker-*')))}.log"
        with self._output.open("wb") as output:
            command = [sys.executable, "-m", "hourhand", "worker", "--tasks", "tested_tasks", *arguments]
            self.popen = subprocess.Popen(
                # However this process ends, nobody is left behind.
                bound_command(command, ended_by=signal.SIGKILL),
                cwd=directory,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def log(self) -> str:
        return self._output.read_text()

    def said(self, event: str) -> bool:
        return f'"event":"{event}"' in self.log

    def signal(self, number: signal.Signals) -> None:
        self.popen.send_signal(number)

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait(10)

    def wait(self, timeout: float = 30) -> int:
        return self.popen.wait(timeout)
