"""`hourhand up` and `hourhand stop`, as a user starts them."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from hourhand import migrate
from hourhand.cli import main
from hourhand.embedded import Server, running
from hourhand.transport.postgres import PostgresTransport
from tests.embedded.conftest import OrdinaryUser, ask, is_alive, ordinary_user
from tests.support.waiting import eventually

__all__ = ["ordinary_user"]

DATABASE_VARIABLES = ("DATABASE_URL", "POSTGRES_URL", "DATABASE_PRIMARY_URL", "SUPABASE_URL", "HOURHAND_ENV")
PATIENCE = 90.0  # seconds; usually it takes three

pytestmark = pytest.mark.timeout(300)

SLOW = """
import pathlib, time
from hourhand import task

@task("slow")
def slow() -> None:
    pathlib.Path("begun").touch()
    time.sleep(60)
"""


@dataclass
class Up:
    """One `hourhand up`."""

    process: subprocess.Popen[bytes]
    output: Path
    data_dir: Path

    def said(self) -> str:
        return self.output.read_text("utf-8", "replace")

    def says(self, words: str, times: int = 1) -> None:
        """Wait until it has said `words`, a regular expression; not longer than it lives."""

        def said_or_over() -> bool:
            over = self.process.poll() is not None
            return len(re.findall(words, self.said())) >= times or over

        eventually(said_or_over, PATIENCE)
        assert len(re.findall(words, self.said())) >= times, self.said()

    def services(self) -> dict[str, int]:
        """Process ids of its children by name."""
        found = {}
        for pid, parent, command in processes():
            if parent == self.process.pid:
                found[command[command.index("hourhand") + 1] if "hourhand" in command else "postgres"] = pid
        return found

    def interrupt(self) -> int:
        """Ctrl-C in a terminal; its exit code. `uv run` passes on what has arrived already, a little later."""
        self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(0.2)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE)


def processes() -> Iterator[tuple[int, int, list[str]]]:
    """Process id, parent and command line of every process that lives."""
    for entry in filter(str.isdecimal, os.listdir("/proc")):
        try:
            parent = Path(f"/proc/{entry}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[1]
            command = Path(f"/proc/{entry}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")[:-1]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if command:
            yield int(entry), int(parent), command


def descendants(pid: int) -> set[int]:
    parents = {child: parent for child, parent, _ in processes()}
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of a user who has configured nothing."""
    for name in DATABASE_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    return project


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with an empty, migrated database; tests work on copies."""
    data_dir = tmp_path_factory.mktemp("pristine") / "data"
    with (
        Server(data_dir, fsync=False) as server,
        closing(PostgresTransport(server.url, application_name="hourhand-tests")) as transport,
    ):
        migrate.apply(transport)
    return data_dir


@pytest.fixture
def data_dir(pristine: Path, project: Path) -> Path:
    return Path(shutil.copytree(pristine, project / ".hourhand"))


@pytest.fixture
def up(project: Path, request: pytest.FixtureRequest) -> Callable[..., Up]:
    """Starts `hourhand up` in the project; `ready=False` does not wait until everything runs."""

    def up(*arguments: str, ready: bool = True, python: str = sys.executable, **how: Any) -> Up:
        output = project / f"output-{len([*project.glob('output-*')])}"
        with output.open("wb") as file:
            process = subprocess.Popen(
                [python, "-m", "hourhand", "up", "--port", free_port(), *arguments],
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **how,
            )
        request.addfinalizer(lambda: end(process))
        started = Up(process, output, project / ".hourhand")
        if ready:
            started.says("hourhand is up")
        return started

    return up


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return str(taken.getsockname()[1])


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill it with all it started, whatever state it is in."""
    left = descendants(process.pid) if process.poll() is None else set()
    process.kill()
    process.wait()
    eventually(lambda: not any(map(is_alive, left)), PATIENCE)


def hourhand(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hourhand", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


StartUp = Callable[..., Up]


def log_in(said: str, password: str) -> int:
    """The status of a login at the address that was announced."""
    [address] = re.findall(r"admin +(http://127\.0\.0\.1:\d+)", said)
    with httpx.Client(base_url=address, headers={"origin": address}) as http:
        page = http.get("/login").text
        [csrf] = set(re.findall(r'name="csrf" value="(\w+)"', page))
        return http.post("/login", data={"csrf": csrf, "name": "admin", "password": password}).status_code


@pytest.mark.slow
def test_a_new_directory_shows_the_demo_firing_and_ctrl_c_stops_it_in_order(
    up: StartUp, project: Path
) -> None:
    first = up()
    everything = descendants(first.process.pid)
    assert first.data_dir.stat().st_mode & 0o777 == 0o700
    assert "schedule demo-hello says hello every 10 s" in first.said()
    password = re.findall(r"login +user admin, password (\S+) \(shown this once", first.said())
    assert len(password) == 1
    assert log_in(first.said(), password[0]) == 303
    assert log_in(first.said(), "wrong") == 422
    assert password[0] not in "".join(path.read_text() for path in (first.data_dir / "logs").glob("*.log"))

    second = hourhand("up", "--port", free_port())
    assert second.returncode == 69
    assert f"runs already in {first.data_dir}: process {first.process.pid}, since" in second.stderr
    assert "hourhand stop" in second.stderr

    first.says(r"worker .*Hello from run 1")
    assert first.interrupt() == 0
    stops = re.findall(r"\[up\] stopping (\w+)", first.said())
    assert stops == ["admin", "scheduler", "worker", "postgres"]
    assert not any(map(is_alive, everything))
    logs = {path.name for path in (first.data_dir / "logs").glob("*.log")}
    assert logs >= {"postgres.log", "up.log", "admin.log", "job-scheduler.log", "job-worker-1.log"}


def test_what_is_killed_is_started_again(up: StartUp, data_dir: Path) -> None:
    runner = up()
    before = runner.services()
    assert set(before) == {"postgres", "worker", "scheduler", "admin"}
    for name, pid in before.items():
        os.kill(pid, signal.SIGKILL)
        runner.says(rf"\[up\] {name} (was ended by SIGKILL|ended).*; starting it again in 0.5 s")
    eventually(lambda: set(runner.services()) == set(before), PATIENCE)
    assert not set(before.values()) & set(runner.services().values())

    url = running(data_dir)
    assert url is not None
    ask(url, "select hourhand.enqueue('hello')")
    runner.says("Hello from run 1")
    assert runner.interrupt() == 0


def test_after_kill_9_nothing_is_left_and_the_next_start_goes_on(up: StartUp, data_dir: Path) -> None:
    for kill_all in (False, True):
        runner = up()
        url = running(data_dir)
        assert url is not None
        ask(url, "select hourhand.enqueue('unknown-task')")
        ask(url, "checkpoint")  # commits are not flushed at once here
        family = descendants(runner.process.pid)
        for pid in family if kill_all else [runner.process.pid]:
            with suppress(ProcessLookupError):  # it has followed another one already
                os.kill(pid, signal.SIGKILL)
        runner.process.wait()
        eventually(lambda: not any(map(is_alive, family)), PATIENCE)  # noqa: B023
        assert running(data_dir) is None
    last = up()
    assert ask(running(data_dir) or "", "select count(*) from hourhand.job_runs") == 2
    assert last.interrupt() == 0


def test_a_second_ctrl_c_does_not_wait_for_running_work(up: StartUp, data_dir: Path, project: Path) -> None:
    (project / "slow_tasks.py").write_text(SLOW)
    runner = up("--tasks", "slow_tasks")
    url = running(data_dir)
    assert url is not None
    ask(url, "select hourhand.enqueue('slow')")
    eventually((project / "begun").exists, PATIENCE)
    runner.process.send_signal(signal.SIGINT)
    runner.says(r"\[up\] stopping worker")
    threading.Event().wait(0.6)  # a second signal within half a second counts as the same
    runner.process.send_signal(signal.SIGINT)
    assert runner.process.wait(10) == 0
    assert running(data_dir) is None


def test_reload_restarts_the_worker_and_a_broken_module_stops_nothing_else(
    up: StartUp, data_dir: Path, project: Path
) -> None:
    source = project / "my_tasks.py"
    source.write_text("from hourhand import nothing_of_that_name\n")
    runner = up("--tasks", "my_tasks", "--reload", ready=False)
    runner.says(r"\[up\] worker ended with code 78; starting it again")
    scheduler = eventually(lambda: runner.services().get("scheduler"))
    source.write_text(SLOW)
    runner.says(r"\[up\] my_tasks.py has changed; restarting worker")
    runner.says("hourhand is up")
    assert runner.services()["scheduler"] == scheduler
    worker = runner.services()["worker"]
    source.write_text(SLOW + "\n")
    runner.says(r"\[up\] my_tasks.py has changed; restarting worker", times=2)
    eventually(lambda: runner.services().get("worker", worker) != worker, PATIENCE)
    assert runner.interrupt() == 0


def test_it_runs_in_the_background_until_it_is_stopped(data_dir: Path) -> None:
    started = hourhand("up", "--detach", "--port", free_port())
    try:
        assert started.returncode == 0, started.stderr
        assert "hourhand is up" in started.stdout
        pid = int((data_dir / "up.pid").read_text())
        family = descendants(pid)
        assert len(family) > 3
        again = hourhand("up", "--detach", "--port", free_port())
        assert again.returncode == 69
        assert f"runs already in {data_dir}: process {pid}" in again.stderr
    finally:
        stopped = hourhand("stop")
    assert (stopped.returncode, stopped.stdout) == (0, "")
    assert stopped.stderr.startswith(f"Stopped process {pid}, since")
    eventually(lambda: not any(map(is_alive, family)))
    assert "\nworker    | " in "\n" + (data_dir / "logs" / "up.log").read_text()


def test_stop_says_when_nothing_runs(project: Path) -> None:
    stopped = hourhand("stop")
    assert stopped.returncode == 0
    assert stopped.stderr == f"Nothing runs in {project / '.hourhand'}.\n"


def test_a_configured_database_is_used_as_it_is(up: StartUp, database_url: str, project: Path) -> None:
    runner = up(env={**os.environ, "DATABASE_URL": database_url, "HOURHAND_TASKS": "hourhand.demo"})
    assert set(runner.services()) == {"worker", "scheduler", "admin"}
    assert not [*runner.data_dir.glob("postgres-*")]
    assert database_url not in runner.said()
    assert ask(database_url, "select count(*) from hourhand.scheduled_jobs") == 0
    assert runner.interrupt() == 0


def test_without_tasks_there_is_no_worker_and_it_says_so(up: StartUp, database_url: str) -> None:
    runner = up(env={**os.environ, "DATABASE_URL": database_url})
    runner.says("worker +none: name the modules .* with --tasks or HOURHAND_TASKS")
    assert set(runner.services()) == {"scheduler", "admin"}
    assert runner.interrupt() == 0


def test_a_configured_database_without_the_schema_is_not_changed(empty_database_url: str) -> None:
    finished = hourhand("up", "--port", free_port(), DATABASE_URL=empty_database_url)
    assert finished.returncode == 78
    assert "hourhand migrate" in finished.stderr
    assert ask(empty_database_url, "select to_regnamespace('hourhand') is null")


def test_production_refuses_the_embedded_database(project: Path) -> None:
    finished = hourhand("up", "--port", free_port(), HOURHAND_ENV="production")
    assert finished.returncode == 78
    assert "DATABASE_URL" in finished.stderr
    assert not [*(project / ".hourhand").glob("postgres-*")]


@pytest.mark.parametrize(
    ("named", "said"),
    [("nowhere", "there is no module nowhere"), ("tasks.py", "'tasks.py' is not the name of a module")],
)
def test_a_module_that_does_not_exist_is_said_before_anything_starts(
    project: Path, named: str, said: str
) -> None:
    refused = hourhand("up", "--port", free_port(), "--tasks", named)
    assert refused.returncode == 78
    assert said in refused.stderr
    assert not [*(project / ".hourhand").glob("postgres-*")]


def test_a_port_that_is_taken_is_said_before_anything_starts(
    project: Path,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(main, ["up", "--port", str(port)])
    assert result.exit_code == 1
    assert f"port {port} cannot be used: Address already in use" in result.output
    assert "--port" in result.output
    assert not (project / ".hourhand").exists()


def test_an_ordinary_user_can_do_it_too(up: StartUp, ordinary_user: OrdinaryUser, data_dir: Path) -> None:
    home = ordinary_user.home
    shutil.copytree(data_dir, home / ".hourhand", copy_function=shutil.copyfile)
    for path in [home / ".hourhand", *(home / ".hourhand").rglob("*")]:
        os.chown(path, home.stat().st_uid, -1)
    runner = up(python=ordinary_user.python, **{**ordinary_user.how, "cwd": home})
    owner = Path(f"/proc/{runner.services()['postgres']}").stat().st_uid
    assert owner == home.stat().st_uid
    assert runner.interrupt() == 0


def test_without_a_port_the_next_free_one_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    up = import_module("hourhand_admin.commands.up")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr(up, "_PORT", taken.getsockname()[1])

        assert up._free_port() > up._PORT
