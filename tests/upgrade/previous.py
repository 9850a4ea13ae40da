"""The version before this one: its programs, as they were landed, and how to run them.

    python -m tests.upgrade.previous COMMIT

stores those of a commit. Do so after each release. They are a file beside this one, because not every clone has the
history.
"""

import lzma
import os
import subprocess
import sys
import tarfile
from pathlib import Path

ARCHIVE = Path(__file__).with_name("previous.tar.xz")
PACKAGES = ("shared/hourhand", "scheduler/hourhand_scheduler", "worker/hourhand_worker")


def store(commit: str) -> None:
    archived = subprocess.run(["git", "archive", commit, *PACKAGES], check=True, capture_output=True).stdout
    ARCHIVE.write_bytes(lzma.compress(archived, preset=9 | lzma.PRESET_EXTREME))


def unpack(directory: Path) -> str:
    """The PYTHONPATH with which `hourhand` is the version before."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(directory, filter="data")
    return os.pathsep.join(str(directory / Path(package).parent) for package in PACKAGES)


if __name__ == "__main__":
    store(sys.argv[1])
