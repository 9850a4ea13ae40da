"""What is installed is complete: the wheel, alone in an environment, and the versions locked for production."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.programs import program

ROOT = Path(__file__).parent.parent
PACKAGES = {
    "hourhand": ROOT / "shared" / "hourhand",
    "hourhand_scheduler": ROOT / "scheduler" / "hourhand_scheduler",
    "hourhand_worker": ROOT / "worker" / "hourhand_worker",
    "hourhand_admin": ROOT / "admin" / "hourhand_admin",
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PATIENCE = 300.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2 * PATIENCE)]


def run(*command: str | Path, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def uv() -> str:
    return program("uv")


@pytest.fixture(scope="module")
def wheel(uv: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("dist")
    run(uv, "build", "--quiet", "--wheel", "--out-dir", directory)
    [built] = directory.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(uv: str, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that has nothing but the wheel and what it needs."""
    environment = tmp_path_factory.mktemp("installed") / "venv"
    run(uv, "venv", "--quiet", "--python", sys.executable, environment)
    run(uv, "pip", "install", "--quiet", "--python", environment, wheel)
    return environment / "bin"


@pytest.fixture
def alone(tmp_path: Path) -> dict[str, str]:
    """The environment of a user: nothing of the checkout can be imported."""
    return {"PATH": os.environ.get("PATH", ""), "HOME": str(tmp_path)}


# --- The wheel ---


def test_the_wheel_holds_the_four_packages_with_all_their_files_and_nothing_else(wheel: Path) -> None:
    wanted = {
        f"{name}/{path.relative_to(package).as_posix()}"
        for name, package in PACKAGES.items()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    } | {
        f"hourhand_admin/deploy/{path.relative_to(ROOT / 'deploy').as_posix()}"
        for path in (ROOT / "deploy").rglob("*")
        if path.is_file()
    }
    held = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert held == wanted
    assert {f"{name}/py.typed" for name in PACKAGES} <= held
    assert len([name for name in held if name.startswith("hourhand/sql/") and name.endswith(".sql")]) > 50


def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        [info] = {name.split("/")[0] for name in archive.namelist() if ".dist-info/" in name}
        metadata = archive.read(f"{info}/METADATA").decode()
        assert f"{info}/licenses/LICENSE" in archive.namelist()
    assert "License-Expression: MIT" in metadata
    required = set(re.findall(r"^Requires-Dist: ([\w-]+)", metadata, re.MULTILINE))
    assert required >= {"supabase", "croniter", "pydantic", "tenacity", "loguru"}


# --- Alone in an environment ---


def test_an_installed_wheel_starts_without_the_embedded_database(
    installed: Path, tmp_path: Path, alone: dict[str, str]
) -> None:
    assert run(installed / "hourhand", "--version", cwd=tmp_path, env=alone).split()[-1] == version(
        "hourhand"
    )
    told = run(installed / "hourhand", "--help", cwd=tmp_path, env=alone)
    for command in ("up", "scheduler", "worker", "migrate", "schedule", "run", "status"):
        assert re.search(rf"^  {command} ", told, re.MULTILINE), command
    assert "create schema" in run(installed / "hourhand", "migrate", "--print", cwd=tmp_path, env=alone)


def test_an_installed_wheel_says_what_is_missing_for_an_embedded_database(
    installed: Path, tmp_path: Path, alone: dict[str, str]
) -> None:
    without_postgres = {**alone, "PATH": str(installed), "HOURHAND_PG_BIN": str(tmp_path)}
    done = subprocess.run(
        [installed / "hourhand", "up"],
        cwd=tmp_path,
        env=without_postgres,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode in (69, 78)
    assert "Traceback" not in done.stderr
    assert "HOURHAND_PG_BIN" in done.stderr


def test_importing_hourhand_loads_no_database_client(
    installed: Path, tmp_path: Path, alone: dict[str, str]
) -> None:
    program = """
import sys, hourhand
hourhand.task, hourhand.Client
print(*sorted({name.partition(".")[0] for name in sys.modules} & {"psycopg", "supabase", "hourhand_worker"}))
"""
    assert run(installed / "python", "-I", "-c", program, cwd=tmp_path, env=alone).strip() == ""


# --- Versions for production ---


def _locked(text: str) -> dict[str, str]:
    """The version of each package."""
    return {
        canonicalize_name(name): number
        for name, number in re.findall(r"^([\w.-]+)==([^ ;\\]+)", text, re.MULTILINE)
    }


def _check_lock(text: str) -> None:
    """Every package pinned and hashed, what the project needs among them, and no address of a registry."""
    assert "://" not in text
    assert not re.search(r"^-", text, re.MULTILINE), "options such as --index-url do not belong here"
    pinned = re.findall(r"^([\w.-]+==.*?)(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)
    assert all("--hash=sha256:" in entry for entry in pinned)
    locked = _locked(text)
    for requirement in map(Requirement, PROJECT["dependencies"]):
        assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)]), requirement


def test_the_locked_versions_fit_the_project_and_name_no_registry() -> None:
    _check_lock((ROOT / "requirements.lock").read_text("utf-8"))


def test_make_lock_writes_versions_and_hashes_and_names_no_registry(uv: str, tmp_path: Path) -> None:
    make = program("make")
    for name in ("Makefile", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    run(
        make,
        "lock",
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{Path(uv).parent}{os.pathsep}{os.environ['PATH']}"},
    )
    _check_lock((tmp_path / "requirements.lock").read_text("utf-8"))
