"""Keeping services running, with real processes as services."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hourhand import log
from hourhand_admin.output import Output
from hourhand_admin.reload import Changes, Reload, watched_directories
from hourhand_admin.services import Daemon
from hourhand_admin.supervisor import Supervisor
from tests.embedded.conftest import is_alive
from tests.support.waiting import eventually

# Says that it started, and stops on TERM after writing its name into a file.
POLITE = """
import signal, sys, pathlib
name, stopped = sys.argv[1:]
def stop(*_):
    with open(stopped, "a") as file:
        file.write(name + " ")
    sys.exit()
signal.signal(signal.SIGTERM, stop)
print("started", flush=True)
while True:
    signal.pause()
"""
STUBBORN = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("started", flush=True)
while True:
    signal.pause()
"""
BROKEN = "print('broken', flush=True); raise SystemExit(3)"
# Leaves a child behind that nobody would end.
PARENT = """
import signal, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print("child", child.pid, flush=True)
signal.pause()
"""


class Transcript(Output):
    """Keeps what is said instead of printing it."""

    def __init__(self) -> None:
        super().__init__(["first", "second"])
        self.lines: list[str] = []

    def write(self, name: str, line: str) -> None:
        self.lines.append(line)


@pytest.fixture
def said() -> Transcript:
    return Transcript()


@pytest.fixture
def events() -> Iterator[list[str]]:
    """Messages of the log."""
    messages: list[str] = []
    with log.captured() as lines:

        class View(list[str]):
            def __iter__(self) -> Iterator[str]:
                return iter([line.message for line in lines])

        yield View(messages)


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    return tmp_path / "stopped"


@pytest.fixture
def daemon(said: Transcript, stopped: Path) -> Callable[..., Daemon]:
    def daemon(name: str, program: str = POLITE, *, grace: float = 10.0) -> Daemon:
        return Daemon(name, [sys.executable, "-c", program, name, str(stopped)], said, grace=grace)

    return daemon


@pytest.fixture
def supervise() -> Iterator[Callable[..., Supervisor]]:
    made: list[Supervisor] = []

    def supervise(*services: Daemon) -> Supervisor:
        made.append(Supervisor(services))
        return made[-1]

    yield supervise
    for supervisor in made:
        supervisor.loop.force()
        supervisor.stop()


Make = Callable[..., Daemon]
Supervise = Callable[..., Supervisor]


def step_until(supervisor: Supervisor, condition: Callable[[], object]) -> None:
    def look() -> object:
        supervisor.step()
        return condition()

    eventually(look, 60.0)


def send_later(*delays: float) -> None:
    """TERM for ourselves, after each of `delays` seconds."""
    for delay in delays:
        threading.Timer(delay, os.kill, (os.getpid(), signal.SIGTERM)).start()


def test_services_stop_in_the_opposite_order(
    daemon: Make, supervise: Supervise, said: Transcript, stopped: Path
) -> None:
    supervisor = supervise(daemon("first"), daemon("second"))
    step_until(supervisor, lambda: said.lines == ["started", "started"])
    supervisor.stop()
    assert stopped.read_text().split() == ["second", "first"]


def test_a_killed_service_is_started_again_with_one_line(
    daemon: Make, supervise: Supervise, said: Transcript, events: list[str]
) -> None:
    service = daemon("first")
    supervisor = supervise(service)
    step_until(supervisor, lambda: said.lines)
    killed = service.pid
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    step_until(supervisor, lambda: len(said.lines) == 2)
    assert service.pid not in (None, killed)
    assert [*events] == ["first was ended by SIGKILL; starting it again in 0.5 s"]


def test_a_service_that_never_works_is_tried_ever_more_seldom(
    daemon: Make, supervise: Supervise, said: Transcript, events: list[str]
) -> None:
    supervisor = supervise(daemon("first", BROKEN), daemon("second"))
    step_until(supervisor, lambda: said.lines.count("broken") == 3)
    assert [message.rpartition(" in ")[2] for message in events] == ["0.5 s", "1 s", "2 s"][: len([*events])]
    assert said.lines.count("started") == 1, "the other one is left alone"


def test_a_program_that_is_not_there_does_not_stop_the_others(
    supervise: Supervise, daemon: Make, said: Transcript, events: list[str]
) -> None:
    missing = Daemon("first", ["/missing/program"], said, grace=1.0)
    supervisor = supervise(missing, daemon("second"))
    step_until(supervisor, lambda: "started" in said.lines and [*events])
    assert any("/missing/program" in line for line in said.lines)


def test_a_stubborn_service_is_ended_after_its_grace(
    daemon: Make, supervise: Supervise, said: Transcript, events: list[str]
) -> None:
    service = daemon("first", STUBBORN, grace=0.3)
    supervisor = supervise(service)
    step_until(supervisor, lambda: said.lines)
    supervisor.stop()
    assert service.pid is None
    assert [*events][-1] == "first did not stop within 0.3 s; ending it"


def test_a_second_signal_ends_what_does_not_stop(
    daemon: Make, supervise: Supervise, said: Transcript
) -> None:
    service = daemon("first", STUBBORN, grace=60)
    supervisor = supervise(service)
    step_until(supervisor, lambda: said.lines)
    send_later(0.1, 1.0)
    started = time.monotonic()
    supervisor.run()
    assert service.pid is None
    assert 1.0 <= time.monotonic() - started < 30


def test_one_keystroke_that_arrives_twice_counts_once(supervise: Supervise) -> None:
    supervisor = supervise()
    with supervisor._signals():
        for _ in range(2):
            signal.raise_signal(signal.SIGINT)
    assert supervisor.loop.stopping
    assert not supervisor.loop.forced


def test_the_signal_handlers_from_before_are_back_in_the_end(supervise: Supervise) -> None:
    before = signal.getsignal(signal.SIGTERM)
    send_later(0.1)
    supervise().run()
    assert signal.getsignal(signal.SIGTERM) is before


def test_what_a_killed_service_leaves_behind_is_ended(
    daemon: Make, supervise: Supervise, said: Transcript
) -> None:
    service = daemon("first", PARENT)
    supervisor = supervise(service)
    step_until(supervisor, lambda: said.lines)
    grandchild = int(said.lines[0].removeprefix("child "))
    assert service.pid is not None
    os.kill(service.pid, signal.SIGKILL)
    step_until(supervisor, lambda: not is_alive(grandchild))


def test_a_change_of_a_file_replaces_the_worker(
    daemon: Make, supervise: Supervise, said: Transcript, stopped: Path, tmp_path: Path, events: list[str]
) -> None:
    source = tmp_path / "code" / "tasks.py"
    source.parent.mkdir()
    source.write_text("")
    supervisor = supervise(daemon("first"), daemon("second"))
    supervisor.chores.append(Reload(supervisor, "first", Changes([source.parent])))
    step_until(supervisor, lambda: len(said.lines) == 2)
    os.utime(source, (1, 1))
    step_until(supervisor, lambda: len(said.lines) == 3)
    assert stopped.read_text().split() == ["first"]
    assert any("tasks.py has changed; restarting first" in message for message in events)


def test_changes_are_seen_once_and_only_in_python_files_of_ours(tmp_path: Path) -> None:
    for name in ("a.py", "b.txt", ".venv/c.py", "site-packages/d.py", "deep/e.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    changes = Changes([tmp_path])
    for name in ("b.txt", ".venv/c.py", "site-packages/d.py"):
        os.utime(tmp_path / name, (1, 1))
    assert changes.next() is None
    os.utime(tmp_path / "deep/e.py", (1, 1))
    assert (changes.next() or "").endswith("deep/e.py")
    assert changes.next() is None
    (tmp_path / "a.py").unlink()
    assert (changes.next() or "").endswith("a.py")


def test_modules_elsewhere_are_watched_too_but_not_installed_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "faraway_tasks.py").write_text("")
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")
    assert watched_directories(["faraway_tasks", "click.core", "missing_module"]) == [
        tmp_path / "project",
        tmp_path / "elsewhere",
    ]


def test_the_output_goes_on_when_its_reader_has_gone() -> None:
    program = """
import sys
from hourhand_admin.output import Output
output = Output(["worker"])
for line in ("first", "second", "third"):
    output.write("worker", line)
    sys.stdin.readline()
sys.exit(7)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"worker | first\n"
        process.stdout.close()
        process.stdout = None
        _, complaints = process.communicate(b"\n\n\n", timeout=30)
    assert (process.returncode, complaints) == (7, b"")
