"""Owners of embedded servers as processes of their own, as whichever user."""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import pytest

NOBODY = 65534
OWNER = Path(__file__).with_name("owner.py")
ROOT = Path(__file__).parents[2]


@dataclass
class Owner:
    """A living owner: its process, and the server's URL and process id."""

    process: subprocess.Popen[str]
    url: str
    postgres: int

    def end(self) -> int:
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(30)


@pytest.fixture
def own(request: pytest.FixtureRequest) -> Callable[..., Owner]:
    """Starts an owner of a data directory, and waits until its server runs."""

    def own(data_dir: Path, python: str = sys.executable, **how: Any) -> Owner:
        process = subprocess.Popen(
            [python, str(OWNER), str(data_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **how,
        )
        request.addfinalizer(lambda: _end(process))
        assert process.stdout is not None
        assert process.stderr is not None
        said = process.stdout.readline().split()
        assert said, process.stderr.read()
        return Owner(process, said[0], int(said[1]))

    return own


def _end(process: subprocess.Popen[str]) -> None:
    with process:
        process.kill()


def ask(url: str, question: str) -> Any:
    """The first value of the first row, if there is one."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(question.encode())
        return cursor.fetchall()[0][0] if cursor.description else None


def is_alive(pid: int) -> bool:
    """Whether the process runs; a zombie that nobody collected does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


@dataclass(frozen=True)
class OrdinaryUser:
    """How to start Python as an ordinary user, with a directory of that user's: arguments for `own`."""

    home: Path
    python: str
    how: dict[str, Any]


@pytest.fixture
def ordinary_user(tmp_path: Path) -> Iterator[OrdinaryUser]:
    """This user; for root it is nobody, with a Python that nobody may run."""
    if os.geteuid() != 0:
        yield OrdinaryUser(tmp_path, sys.executable, {})
        return
    how = _as_nobody()
    for python in (sys.executable, "/usr/bin/python3"):
        if _runs(python, how):
            # Not in tmp_path, whose parents are root's alone.
            with TemporaryDirectory(prefix="hourhand-test-") as home:
                os.chown(home, NOBODY, NOBODY)
                os.chmod(home, 0o711)
                yield OrdinaryUser(Path(home), python, how)
            return
    pytest.skip("no Python of this version that an ordinary user may run")


def _as_nobody() -> dict[str, Any]:
    sources = [ROOT / name for name in ("shared", "scheduler", "worker", "admin")]
    path = os.pathsep.join(map(str, [*sources, ROOT, sysconfig.get_path("platlib")]))
    environment = {**os.environ, "PYTHONPATH": path, "HOME": "/"}
    return {"user": NOBODY, "group": NOBODY, "extra_groups": [], "env": environment, "cwd": "/"}


def _runs(python: str, how: dict[str, Any]) -> bool:
    try:
        found = subprocess.run(
            [python, "-c", "import psycopg, hourhand.settings"], capture_output=True, check=False, **how
        )
    except OSError:
        return False
    return found.returncode == 0
