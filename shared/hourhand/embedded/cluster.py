"""The data of one Postgres major: made whole or not at all."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hourhand.embedded.address import USER
from hourhand.embedded.child import bound_command
from hourhand.embedded.directory import ELSEWHERE
from hourhand.embedded.finder import Binaries
from hourhand.embedded.identity import Identity
from hourhand.errors import EmbeddedError

_ROOM_FOR_A_NEW_ONE = 100 * 2**20  # bytes: 40 for the files, 16 for each of the first segments of the log
_BUILTIN_LOCALE_SINCE = 17
_UNFINISHED = "initdb-"


def majors(data_dir: Path) -> list[int]:
    """The majors whose data are in `data_dir`, newest first."""
    found = (
        re.fullmatch(r"postgres-(\d+)", path.parent.name) for path in data_dir.glob("postgres-*/PG_VERSION")
    )
    return sorted((int(match[1]) for match in found if match), reverse=True)


def clean_environment() -> dict[str, str]:
    """The environment without the variables that would redirect Postgres' programs."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


class Cluster:
    """The directory `postgres-MAJOR` in a data directory."""

    def __init__(self, data_dir: Path, binaries: Binaries, identity: Identity) -> None:
        self.data_dir = data_dir
        self.binaries = binaries
        self.identity = identity
        self.path = data_dir / f"postgres-{binaries.major}"

    def ensure(self, *, fsync: bool) -> bool:
        """Make the data if they are missing; True if it did. Only the owner of `data_dir` may call it."""
        for unfinished in self.data_dir.glob(f"{_UNFINISHED}*"):
            shutil.rmtree(unfinished)
        if (self.path / "PG_VERSION").is_file():
            self.identity.own(self.path)
            return False
        self._require_no_other_major()
        self._require_room()
        self._create(fsync)
        return True

    def _require_no_other_major(self) -> None:
        if others := majors(self.data_dir):
            raise EmbeddedError(
                f"{self.data_dir} holds data of PostgreSQL {others[0]}, but the programs found are of "
                f"{self.binaries.version} ({self.binaries.directory})",
                f"Set HOURHAND_PG_BIN to where the programs of PostgreSQL {others[0]} are, or {ELSEWHERE}",
            )

    def _require_room(self) -> None:
        free = shutil.disk_usage(self.data_dir).free
        if free < _ROOM_FOR_A_NEW_ONE:
            raise EmbeddedError(
                f"{self.data_dir} has {free // 2**20} MiB left on its disk; a new database needs "
                f"{_ROOM_FOR_A_NEW_ONE // 2**20} MiB",
                f"Free some space, or {ELSEWHERE}",
            )

    def _create(self, fsync: bool) -> None:
        """Made beside its place and then renamed: whoever is killed here leaves nothing half done."""
        draft = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=self.data_dir))
        self.identity.own(draft)
        try:
            self._initdb(draft, fsync)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        draft.rename(self.path)
        _sync(self.data_dir)

    def _initdb(self, draft: Path, fsync: bool) -> None:
        complaint = ""
        for locale in self._locales():
            finished = subprocess.run(
                self._initdb_command(draft, fsync, locale),
                env=clean_environment(),
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
            )
            if finished.returncode == 0:
                return
            complaint = _reason(finished.stderr)
        raise EmbeddedError(f"initdb could not make a new database in {self.data_dir}: {complaint}")

    def _initdb_command(self, draft: Path, fsync: bool, locale: list[str]) -> list[str]:
        initdb = [self.binaries.program("initdb"), "-D", str(draft), "-U", USER, "-A", "trust", "-E", "UTF8"]
        initdb += [*locale, "--no-instructions", *([] if fsync else ["--no-sync"])]
        return bound_command(initdb, ended_by=signal.SIGKILL, identity=self.identity.launch)

    def _locales(self) -> Iterator[list[str]]:
        """C.UTF-8 depends on nothing outside Postgres since 17; before, the system may lack it."""
        if self.binaries.major >= _BUILTIN_LOCALE_SINCE:
            yield ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        else:
            yield ["--locale=C.UTF-8"]
            yield ["--locale=C"]


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


def _reason(output: str) -> str:
    lines = [
        line for line in output.splitlines() if "error:" in line or "FATAL:" in line or "cannot start" in line
    ]
    return lines[0].strip() if lines else output.strip()[-300:] or "it said nothing"
