"""Daemons as processes of their own: to be killed, frozen, stopped and started anew."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg

from hourhand.embedded.child import bound_command
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[2]
Event = dict[str, Any]

EFFECTS = """
    create table effects (
      run_id bigint not null, attempt int not null, token uuid not null, scheduled_for timestamptz,
      at timestamptz not null default clock_timestamp()
    )
"""


class Daemon:
    """The place of one daemon. Each start is a new process with a log of its own."""

    def __init__(
        self, kind: str, number: int, directory: Path, environment: dict[str, str], within: Sequence[str] = ()
    ) -> None:
        """`within`: the command that runs it somewhere else, such as on another host."""
        self._within = within
        self.kind = kind
        self.name = f"{kind}-{number}"
        self._directory = directory
        self._environment = environment
        self._logs: list[Path] = []
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None, "it was not started"
        return self._process

    def start(self) -> "Daemon":
        log = self._directory / f"{self.name}.{len(self._logs)}.log"
        self._logs.append(log)
        name = ["--name", self.name] if self.kind == "worker" else []
        command = [*self._within, sys.executable, "-m", "hourhand", self.kind, *name]
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                # However this process ends, nobody is left behind.
                bound_command(command, ended_by=signal.SIGKILL),
                env=self._environment,
                cwd=self._directory,
                stdout=output,
                stderr=output,
            )
        return self

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def stop(self, timeout: float = 30) -> int:
        """Ask it to end; its exit code."""
        self.send(signal.SIGTERM)
        return self.process.wait(timeout)

    def events(self, *names: str) -> list[Event]:
        """Everything that all its processes have logged, or what has one of these names."""
        events = [event for log in self._logs for event in _events(log)]
        return [event for event in events if event["event"] in names] if names else events

    def said(self, name: str, **fields: object) -> list[Event]:
        """The events of this name with these fields."""
        return [event for event in self.events(name) if fields.items() <= event.items()]

    @property
    def session(self) -> str:
        """The latest that this process has opened; empty before."""
        opened = [event["session"] for event in _events(self._logs[-1]) if event["event"] == "session.opened"]
        return opened[-1] if opened else ""


def _events(log: Path) -> Iterator[Event]:
    """The lines of a log. Only the last may be cut off, by the end of its process."""
    *lines, _cut_off = log.read_text().split("\n")
    return map(json.loads, lines)


class Site:
    """A database and the daemons on it."""

    def __init__(self, url: str, directory: Path, stack: ExitStack) -> None:
        self.url = url
        self.directory = directory
        self.daemons: list[Daemon] = []
        self._stack = stack
        self.rows(EFFECTS)

    def rows(self, query: str, *params: object) -> list[Any]:
        """Through a connection of its own: the server may have been restarted since the last."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(query.encode(), params or None)
            return cursor.fetchall() if cursor.description else []

    def value(self, query: str, *params: object) -> Any:
        ((value,),) = self.rows(query, *params)
        return value

    def scheduler(self, **environment: object) -> Daemon:
        return self.daemon("scheduler", **environment)

    def worker(self, **environment: object) -> Daemon:
        return self.daemon("worker", **environment)

    def gate(self, name: str) -> Path:
        return self.directory / name

    def enqueue(self, task: str, payload: object = None, **options: object) -> int:
        query = "select (hourhand.enqueue(p_task => %s, p_payload => %s, p_priority => %s) ->> 'id')::bigint"
        return int(self.value(query, task, json.dumps(payload or {}), options.get("priority", 0)))

    def run(self, run: int) -> dict[str, Any]:
        return dict(self.value("select to_jsonb(r) from hourhand.job_runs r where id = %s", run))

    def status(self, run: int) -> str:
        return str(self.run(run)["status"])

    def await_open(self, *daemons: Daemon, timeout: float = 30) -> None:
        """Until each has opened a session."""
        waited = daemons or tuple(self.daemons)
        eventually(lambda: all(daemon.session for daemon in waited), timeout, interval=0.05)

    def events(self, *names: str) -> list[Event]:
        return [event for daemon in self.daemons for event in daemon.events(*names)]

    def stop(self, daemons: Sequence[Daemon]) -> None:
        """In order; each has to say that it ended well."""
        for daemon in daemons:
            daemon.send(signal.SIGTERM)
        codes = {daemon.name: daemon.process.wait(30) for daemon in daemons}
        assert set(codes.values()) == {0}, codes

    def daemon(self, kind: str, within: Sequence[str] = (), **environment: object) -> Daemon:
        daemon = Daemon(kind, len(self.daemons), self.directory, self._environment(environment), within)
        self.daemons.append(daemon)
        self._stack.callback(_end, daemon)
        return daemon.start()

    def _environment(self, own: dict[str, object]) -> dict[str, str]:
        path = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path),
            "DATABASE_URL": self.url,
            "HOURHAND_TRANSPORT": "postgres",
            "HOURHAND_TASKS": "tests.support.chaos_tasks",
            "HOURHAND_LOG_FORMAT": "json",
            "HOURHAND_LEASE_SECONDS": "2",
            "JOB_WORKER_POLL_MS": "500",
            "JOB_SCHEDULER_POLL_MS": "1000",
            **{name: str(value) for name, value in own.items()},
        }


def _end(daemon: Daemon) -> None:
    if daemon.process.poll() is None:
        daemon.kill()


Print = Callable[[str], None]
"""Prints past pytest, so that the counts are seen of a test that passes, too."""
