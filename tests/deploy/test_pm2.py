"""All services under a real PM2, from the file that `hourhand deploy pm2` prints."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hourhand_admin import deployment
from tests.deploy.conftest import Sql, free_port
from tests.support.npm import npm_program
from tests.support.programs import program
from tests.support.waiting import eventually

PM2_VERSION = "7.0.4"
NAMES = ["job-scheduler", "job-worker", "hourhand-admin"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


class Pm2:
    def __init__(self, home: Path, project: Path) -> None:
        self.home = home
        self._project = project
        self._script = npm_program("pm2", PM2_VERSION, "bin/pm2")
        self._environment = {**os.environ, "PM2_HOME": str(home), "PM2_DISCRETE_MODE": "true"}

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(
            [program("node"), self._script, *arguments],
            env=self._environment,
            cwd=self._project,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def apps(self) -> dict[str, dict[str, Any]]:
        told = self("jlist")
        return {app["name"]: app for app in json.loads(told[told.index("[") :])}

    def states(self) -> dict[str, str]:
        return {name: app["pm2_env"]["status"] for name, app in self.apps().items()}

    def pid(self, name: str) -> int:
        return int(self.apps()[name]["pid"])


@pytest.fixture
def pm2(project: Path) -> Iterator[Pm2]:
    home = Path(tempfile.mkdtemp(prefix="hourhand-"))  # short: the address of a socket
    pm2 = Pm2(home, project)
    try:
        yield pm2
    finally:
        pm2("kill")
        shutil.rmtree(home)


def test_it_starts_restarts_logs_and_drains(
    pm2: Pm2, project: Path, sql: Sql, completes_more: Callable[[], None]
) -> None:
    machine = deployment.this_machine(project, logs=None, user=None)
    [text] = deployment.files("pm2", machine).values()
    (project / "ecosystem.config.js").write_text(text.replace("--port 8000", f"--port {free_port()}"))

    pm2("start", "ecosystem.config.js")
    # `start` comes back when each has said that it is ready.
    assert pm2.states() == dict.fromkeys(NAMES, "online")
    completes_more()
    print(pm2("status"))

    killed = pm2.pid("job-worker")
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: pm2.pid("job-worker") not in (0, killed), 30, interval=0.5)
    completes_more()

    assert "[Worker] hourhand worker started" in pm2("logs", "job-worker", "--nostream", "--lines", "200")
    assert (project / "logs" / "job-worker-error.log").exists()

    before = pm2.pid("job-scheduler")
    pm2("restart", "job-scheduler")
    assert pm2.pid("job-scheduler") != before
    completes_more()
    pm2("save")
    assert (pm2.home / "dump.pm2").exists()

    pm2("stop", "all")
    assert pm2.states() == dict.fromkeys(NAMES, "stopped")
    assert sql("select count(*) from hourhand.job_runs where status = 'processing'") == [(0,)]
    # Those that were not killed have said goodbye.
    assert sql("select count(*) from hourhand.services where state = 'open'") == [(0,)]
    twice = "select scheduled_for from hourhand.job_runs where schedule_id is not null group by 1 having count(*) > 1"
    assert sql(twice) == []
