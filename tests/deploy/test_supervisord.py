"""All services under a real supervisord, from the file that `hourhand deploy supervisord` prints."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hourhand.embedded.child import bound_command
from hourhand_admin import deployment
from tests.deploy.conftest import Sql, free_port
from tests.support.waiting import eventually

BESIDE_PYTHON = Path(sys.executable).parent
PROGRAMS = {"job-scheduler", "job-worker:job-worker-1", "job-worker:job-worker-2", "hourhand-admin"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


class Supervisord:
    def __init__(self, project: Path, directory: Path) -> None:
        self._config = directory / "supervisord.conf"
        machine = deployment.this_machine(project, logs=None, user=None)
        [text] = deployment.files("supervisord", machine).values()
        text = text.replace("/run/", f"{directory}/").replace("--port 8000", f"--port {free_port()}")
        self._config.write_text(text)
        command = [str(BESIDE_PYTHON / "supervisord"), "--nodaemon", "--configuration", str(self._config)]
        self._process = subprocess.Popen(
            bound_command([sys.executable, "-W", "ignore", *command], ended_by=signal.SIGTERM),
            cwd=project,
            stdout=subprocess.DEVNULL,
        )

    def control(self, *arguments: str) -> str:
        command = [sys.executable, "-W", "ignore", str(BESIDE_PYTHON / "supervisorctl")]
        done = subprocess.run(
            [*command, "--configuration", str(self._config), *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return done.stdout

    def status(self) -> dict[str, str]:
        """Program → state."""
        return {name: state for name, state, *_ in map(str.split, self.control("status").splitlines())}

    def all_running(self) -> bool:
        return self.status() == dict.fromkeys(PROGRAMS, "RUNNING")

    def pid(self, program: str) -> int:
        return int(self.control("pid", program))

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(90)


@pytest.fixture
def supervisord(project: Path) -> Iterator[Supervisord]:
    directory = Path(tempfile.mkdtemp(prefix="hourhand-"))  # short: the address of a socket
    supervisord = Supervisord(project, directory)
    try:
        yield supervisord
    finally:
        supervisord.close()
        shutil.rmtree(directory)


def test_it_starts_restarts_and_drains(
    supervisord: Supervisord, project: Path, sql: Sql, completes_more: Callable[[], None]
) -> None:
    eventually(supervisord.all_running, 40, interval=0.5)
    completes_more()
    print(supervisord.control("status"))

    # Killed, it is started again, and its log goes on.
    with subprocess.Popen(
        ["tail", "-f", "-n", "0", str(project / "logs" / "job-worker-1-out.log")], stdout=subprocess.PIPE
    ) as tail:
        try:
            killed = supervisord.pid("job-worker:job-worker-1")
            os.kill(killed, signal.SIGKILL)
            eventually(
                lambda: supervisord.pid("job-worker:job-worker-1") not in (0, killed), 20, interval=0.2
            )
            assert tail.stdout is not None
            assert any(b"[Worker] hourhand worker started" in line for line in tail.stdout)
        finally:
            tail.kill()
    os.kill(supervisord.pid("job-scheduler"), signal.SIGKILL)
    eventually(supervisord.all_running, 40, interval=0.5)
    completes_more()

    # Stopped, work that has begun is finished or given back, and every session is closed.
    supervisord.control("stop", "all")
    assert set(supervisord.status().values()) == {"STOPPED"}
    assert sql("select count(*) from hourhand.job_runs where status = 'processing'") == [(0,)]
    assert sql("select count(*) from hourhand.services where state = 'open'") == [(0,)]
    twice = "select scheduled_for from hourhand.job_runs where schedule_id is not null group by 1 having count(*) > 1"
    assert sql(twice) == []
