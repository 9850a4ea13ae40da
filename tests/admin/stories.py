"""What stories in the browser need: an admin reached by one transport, and daemons that go the same way."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from hourhand.settings import load_settings
from hourhand.transport import connect
from tests.admin.house import House, open_house
from tests.support.waiting import eventually

ADDRESSES = (
    "DATABASE_URL", "POSTGRES_URL", "DATABASE_PRIMARY_URL", "SUPABASE_URL", "SUPABASE_REST_PATH",
    "SUPABASE_SERVICE_ROLE_KEY", "HOURHAND_TRANSPORT",
)  # fmt: skip
FAST = {"JOB_SCHEDULER_POLL_MS": "500", "JOB_WORKER_POLL_MS": "500"}


@dataclass
class Home:
    """An admin, and the variables that lead its daemons to the same database."""

    house: House
    environment: Mapping[str, str]
    directory: Path
    """Where the daemons run, and find the modules of their tasks."""

    @contextmanager
    def daemons(self, tasks: str) -> Iterator[None]:
        """A scheduler and a worker that know the tasks of this module; they are ready when it begins."""
        (self.directory / "chores.py").write_text(tasks, "utf-8")
        with self._daemon("worker"), self._daemon("scheduler"):
            eventually(self._ready, 60, interval=0.1)
            yield

    def _ready(self) -> bool:
        services = self.house.transport.call("get_status")["services"]
        alive = {each["kind"] for each in services if each["state"] == "alive"}
        return {"worker", "scheduler"} <= alive

    @contextmanager
    def _daemon(self, name: str) -> Iterator[None]:
        kept = {name: value for name, value in os.environ.items() if name not in ADDRESSES}
        environment = {**kept, **FAST, **self.environment, "HOURHAND_TASKS": "chores", "PYTHONPATH": "."}
        with (self.directory / f"{name}.log").open("wb") as log:
            command = [sys.executable, "-m", "hourhand", name]
            process = subprocess.Popen(command, cwd=self.directory, env=environment, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)


@contextmanager
def settled(environment: Mapping[str, str], directory: Path) -> Iterator[Home]:
    """An admin with nothing but these variables to find its database."""
    with pytest.MonkeyPatch.context() as patched, ExitStack() as stack:
        for name in ADDRESSES:
            patched.delenv(name, raising=False)
        for name, value in environment.items():
            patched.setenv(name, value)
        settings = load_settings()
        transport = connect(settings, application_name="hourhand-tests", patience=5.0)
        stack.callback(transport.close)
        house = stack.enter_context(open_house(settings, transport))
        yield Home(house, environment, directory)
