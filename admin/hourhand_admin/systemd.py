"""Putting units in place on a machine that systemd runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from hourhand.errors import HourhandError

UNITS = Path("/etc/systemd/system")
PATIENCE = 60.0
"""Seconds. A service is started when it has reached the database, for which it waits as long as it takes."""

SERVICES = ("job-scheduler.service", "job-worker.service", "hourhand-admin.service")

_BOOTED = Path("/run/systemd/system")  # sd_booted(3)
_ANOTHER_KIND = "Use another kind, such as supervisord or cron."


def install(files: Mapping[str, str], directory: Path = UNITS) -> Sequence[str]:
    """Write the units, have systemd read them, enable and (re)start the services. Raises HourhandError."""
    if shutil.which("systemctl") is None:
        raise HourhandError("there is no systemctl here", _ANOTHER_KIND)
    if os.geteuid() != 0:
        raise HourhandError(f"only root may write to {directory}", "Run it again with sudo.")
    if not _BOOTED.is_dir():
        raise HourhandError("this machine was not started with systemd", _ANOTHER_KIND)
    for name, text in files.items():
        (directory / name).write_text(text, "utf-8")
    _systemctl("daemon-reload")
    _systemctl("enable", "hourhand.target", *SERVICES)
    _systemctl("restart", *SERVICES)
    return SERVICES


def _systemctl(*arguments: str) -> None:
    try:
        done = subprocess.run(
            ["systemctl", *arguments], capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        raise HourhandError(
            f"systemctl {' '.join(arguments)} has not ended within {PATIENCE:g} s",
            "Do the services wait for the database? `journalctl -u job-scheduler -n 20` says so.",
        ) from None
    if done.returncode:
        raise HourhandError(
            f"systemctl {' '.join(arguments)}: {done.stderr.strip() or f'ended with {done.returncode}'}",
            "`journalctl -xe` may say more.",
        )
