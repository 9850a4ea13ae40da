"""The files for a laptop and for a Raspberry Pi, used as they are."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from examples.common.database import Connection
from hourhand.embedded.child import bound_command
from hourhand.settings import load_settings
from tests.support import eventually

HERE = Path(__file__).parents[1]
CHECKOUT = HERE.parents[1]
BIN = Path(sys.executable).parent
COMPONENTS = {
    "queue-processor": "scrape-company",
    "job-matching-orchestrator": "match-jobs",
    "job-results-storage": "save-results",
}


@pytest.fixture
def project(tmp_path: Path, seeded: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory as a Raspberry Pi has it: the code, its .venv and .env, and where logs go."""
    for name, target in {"examples": CHECKOUT / "examples", ".venv": BIN.parent}.items():
        (tmp_path / name).symlink_to(target)
    (tmp_path / "logs").mkdir()
    settings = (HERE / "raspberry-pi" / "env.example").read_text("utf-8")
    (tmp_path / ".env").write_text(settings.replace("postgresql:///watch", seeded), "utf-8")
    monkeypatch.delenv("DATABASE_URL")
    return tmp_path


def test_the_settings_of_the_raspberry_pi_are_understood(
    project: Path, seeded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    settings = load_settings()
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == seeded
    assert settings.queues == ("scrape", "match", "results")
    assert (settings.concurrency, settings.memory_limit_mb) == (5, 500)
    reference = (CHECKOUT / "docs" / "reference" / "settings.md").read_text("utf-8")
    written = re.findall(r"^(\w+)=", (project / ".env").read_text("utf-8"), re.MULTILINE)
    assert [name for name in written if f"`{name}`" not in reference] == [
        "COMPANY_WATCH_DELAY",
        "NEWS_CONTACT",
    ]


@pytest.mark.slow
def test_at_login_what_is_due_is_done_and_then_no_more(seeded: str, db: Connection, tmp_path: Path) -> None:
    log = tmp_path / "logs" / "watch.log"
    environment = {**os.environ, "PYTHON": sys.executable}
    script = HERE / "laptop" / "at-login.sh"
    subprocess.run([script, log], env=environment, cwd="/", timeout=60, check=True)
    assert _count(db, "scrape-company", "completed") == 4
    told = log.read_text()
    assert told.count("Companies by rank") == 2
    assert "ended with" not in told
    assert told.splitlines()[-3] == "  ada@watch.example      2  (best 1.00)"
    assert str(script.relative_to(HERE)) in (HERE / "laptop" / "company-watch.desktop").read_text()


@pytest.mark.slow
def test_the_lines_of_the_crontab_work_under_sh(project: Path, db: Connection) -> None:
    enqueue, report, debug, process = sorted(_crontab(), key=lambda line: "while" in line[0])
    assert [when for _, when in (enqueue, report, debug, process)] == [
        *("0 * * * *", "0 8 * * *", "30 * * * *"),
        "@reboot",
    ]
    _sh(project, enqueue[0])
    with _started(["sh", "-c", _here(project, process[0])]):
        eventually(lambda: _count(db, "save-results", "completed") == 5, 40, interval=0.1)
        _sh(project, debug[0], expected=1)
    _sh(project, report[0])
    assert "scrape-company  completed      4" in (project / "logs" / "status.log").read_text()
    assert "(scrape-company) completed" in (project / "logs" / "queue-processor.log").read_text()
    debugged = (project / "logs" / "jobs-debugger.log").read_text()
    assert "no-scheduler: " in debugged  # the line that enqueues stands for it
    assert "no-worker: " not in debugged


@pytest.mark.slow
def test_each_component_has_a_process_and_a_log_of_its_own(project: Path, db: Connection) -> None:
    db.execute("update hourhand.scheduled_jobs set next_run_at = now() where name = 'company-watch'")
    configuration = project / "examples" / "company_watch" / "raspberry-pi" / "supervisord.conf"
    supervisord = [sys.executable, "-W", "ignore", str(BIN / "supervisord"), "--nodaemon", "--configuration"]
    logs = project / "logs"
    with _started([*supervisord, str(configuration)], project):
        eventually(lambda: _count(db, "save-results", "completed") == 5, 40, interval=0.1)
        eventually(lambda: (logs / "jobs-debugger.log").stat().st_size, 20, interval=0.1)
    for component, task in COMPONENTS.items():
        tasks = set(re.findall(r"Processing job run \d+ \((\S+)\)", (logs / f"{component}.log").read_text()))
        assert tasks == {task}, component
    names = {name for (name,) in db.execute("select name from hourhand.services where kind = 'worker'")}
    assert names == set(COMPONENTS)


def _count(db: Connection, task: str, status: str) -> int:
    row = db.execute(
        "select count(*) from hourhand.job_runs where task = %s and status = %s", (task, status)
    ).fetchone()
    return row[0] if row else 0


def _crontab() -> Iterator[tuple[str, str]]:
    """Each command, and when."""
    for line in (HERE / "raspberry-pi" / "crontab").read_text("utf-8").splitlines():
        if match := re.fullmatch(r"(@reboot|[\d*/]+(?: [\d*/]+){4}) (\w.*)", line):
            yield match[2], match[1]
        else:
            assert not line or line.startswith("#"), line


def _here(project: Path, command: str) -> str:
    assert command.startswith("cd /home/pi/watch && ")
    return command.replace("/home/pi/watch", shlex.quote(str(project)), 1)


def _sh(project: Path, command: str, expected: int = 0) -> None:
    done = subprocess.run(["sh", "-c", _here(project, command)], timeout=60, check=False)
    assert done.returncode == expected


@contextmanager
def _started(command: Sequence[str], directory: Path | None = None) -> Iterator[None]:
    """A process, with all that it starts in its group, until the end of the block."""
    bound = bound_command([shutil.which(command[0]) or command[0], *command[1:]])
    process = subprocess.Popen(bound, cwd=directory, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)
