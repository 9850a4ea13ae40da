"""Where a server listens, and the note (`server.json`) by which other processes find it."""

import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from hourhand.embedded.directory import ELSEWHERE
from hourhand.embedded.lock import Lock
from hourhand.errors import EmbeddedError

DATABASE = USER = "postgres"
PORT = 5432  # only part of the socket's name: nothing listens on the network
_LONGEST_SOCKET_PATH = 107  # bytes; the kernel's limit


@dataclass(frozen=True)
class Address:
    """A socket directory and what else a client needs to connect."""

    socket_dir: str
    port: int = PORT
    database: str = DATABASE
    user: str = USER

    @property
    def url(self) -> str:
        host = quote(self.socket_dir, safe="")
        return f"postgresql://{self.user}@/{self.database}?host={host}&port={self.port}"


def owner_lock(data_dir: Path) -> Lock:
    return Lock(data_dir / "owner.lock")


def running(data_dir: Path) -> str | None:
    """The URL of the server that a living process owns in `data_dir`, or None. Raises EmbeddedError."""
    try:
        if owner_lock(data_dir).holder() is None:
            return None
        note = json.loads(_note(data_dir).read_text("utf-8"))
        return Address(note["socket_dir"], note["port"], note["database"], note["user"]).url
    except (FileNotFoundError, ValueError, KeyError):  # its owner is just starting or stopping
        return None
    except OSError as error:
        raise EmbeddedError(
            f"cannot look for a server in {data_dir}: {error.strerror}",
            f"Run as the user who started it, or {ELSEWHERE}",
        ) from error


def publish(data_dir: Path, address: Address) -> None:
    """Let other processes find the server."""
    facts = {
        **asdict(address),
        "pid": os.getpid(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    draft = _note(data_dir).with_suffix(".new")
    draft.touch(0o600)
    draft.write_text(json.dumps(facts, indent=2) + "\n", "utf-8")
    draft.replace(_note(data_dir))


def withdraw(data_dir: Path) -> None:
    _note(data_dir).unlink(missing_ok=True)


def _note(data_dir: Path) -> Path:
    return data_dir / "server.json"


def socket_directory(data_dir: Path, uid: int) -> Path:
    """A private directory for the socket, the same at each start, with a path that is short enough.

    Not first under XDG_RUNTIME_DIR, which is taken away when its user logs out, while a server in the
    background stays. Raises EmbeddedError.
    """
    name = "hourhand-" + hashlib.sha256(f"{uid} {data_dir.resolve()}".encode()).hexdigest()[:16]
    for parent in _short_lived_places():
        directory = parent / name
        if len(os.fsencode(directory / f".s.PGSQL.{PORT}")) <= _LONGEST_SOCKET_PATH and os.access(
            parent, os.W_OK
        ):
            return _made_private(directory, uid)
    raise EmbeddedError(
        f"no directory for the server's socket: it needs a writable one with a path of at most "
        f"{_LONGEST_SOCKET_PATH - len(name) - 16} bytes",
        "Set TMPDIR to a directory with a short path, such as /tmp.",
    )


def _short_lived_places() -> Iterator[Path]:
    yield Path(tempfile.gettempdir())
    yield Path("/tmp")  # noqa: S108  (the directory made in it is private)
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        yield Path(runtime)


def _made_private(directory: Path, uid: int) -> Path:
    """`directory` for `uid` alone; refused if another user was there first."""
    directory.mkdir(0o700, exist_ok=True)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (uid, os.geteuid()):
        raise EmbeddedError(
            f"{directory} belongs to another user (id {found.st_uid})",
            "Delete it, or set TMPDIR to a directory of your own.",
        )
    directory.chmod(0o700)
    if found.st_uid != uid:
        os.chown(directory, uid, -1)
    return directory
