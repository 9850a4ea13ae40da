"""As whom Postgres runs: it refuses to run as root, so root has to become somebody else."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from hourhand.embedded.child import NAMESPACE, SAME, bound_command
from hourhand.embedded.directory import ELSEWHERE
from hourhand.embedded.finder import Binaries
from hourhand.errors import EmbeddedError

ROOT = 0


@dataclass(frozen=True)
class Identity:
    """`launch` is what the launcher is told; `uid` is the owner of the files, seen from here."""

    launch: str
    uid: int

    @classmethod
    def choose(cls, binaries: Binaries) -> "Identity":
        """This user. Root: an ordinary user in a namespace of its own, else nobody. Raises EmbeddedError."""
        uid = os.geteuid()
        if uid != ROOT:
            return cls(SAME, uid)
        for identity in (cls(NAMESPACE, ROOT), _nobody()):
            if identity is not None and _can_run(binaries, identity):
                return identity
        raise EmbeddedError(
            "Postgres does not run as root, and here root can neither use a user namespace nor become nobody "
            f"with access to {binaries.directory}",
            "Start hourhand as an ordinary user, or set DATABASE_URL to use a database that runs already.",
        )

    def let_in(self, directory: Path) -> None:
        """Let it reach what it owns inside a directory of this user's."""
        if self.uid != os.geteuid():
            directory.chmod(0o711)

    def own(self, directory: Path) -> None:
        """Hand a directory over that was made by root. One of any third user is refused."""
        owner = directory.stat().st_uid
        if owner == self.uid:
            return
        if os.geteuid() != ROOT or owner not in _interchangeable():
            raise EmbeddedError(
                f"{directory} belongs to another user (id {owner})",
                f"Start hourhand as that user, or {ELSEWHERE}",
            )
        for place, _, files in os.walk(directory):
            for path in (place, *(os.path.join(place, file) for file in files)):
                os.chown(path, self.uid, -1, follow_symlinks=False)


def _nobody() -> Identity | None:
    if sys.platform == "win32":
        return None
    import pwd

    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return None
    return Identity(f"{entry.pw_uid}:{entry.pw_gid}", entry.pw_uid)


def _interchangeable() -> set[int]:
    """Users as whom root may have run Postgres before."""
    nobody = _nobody()
    return {ROOT} if nobody is None else {ROOT, nobody.uid}


def _can_run(binaries: Binaries, identity: Identity) -> bool:
    command = bound_command([binaries.program("postgres"), "--version"], identity=identity.launch)
    return subprocess.run(command, capture_output=True, check=False, timeout=30).returncode == 0
