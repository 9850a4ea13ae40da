"""What a daemon tells its supervisor: systemd (`Type=notify`, `WatchdogSec=`) and PM2 (`wait_ready`).

Whether there is one, and how to reach it, is in the environment. Without one, or where it cannot be
reached, the daemon works all the same.
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress

from hourhand import log

_MICROSECONDS = 1_000_000
# Two polls may be late, and one more was just missed.
_POLLS = 3.0
_MARGIN = 30.0  # seconds

_said = float("-inf")


def ready(poll: float) -> None:
    """The daemon works: it has reached the database. It will say `alive` at least every `poll` seconds.

    A watchdog that is too impatient for this poll is told to wait longer.
    """
    state = ["READY=1", f"MAINPID={os.getpid()}"]
    if 0 < (watchdog := _watchdog()) < (enough := _POLLS * poll):
        state.append(f"WATCHDOG_USEC={round((enough + _MARGIN) * _MICROSECONDS)}")
    _tell_systemd(*state)
    _tell_pm2('"ready"\n')
    if watchdog:
        alive()


def alive() -> None:
    """A poll has come to its end. Call it from the loop that does the work, never from a timer.

    However often it is called, it is said no more than ten times in the watchdog's patience.
    """
    global _said
    watchdog = _watchdog()
    if watchdog and time.monotonic() - _said >= watchdog / 10:
        _said = time.monotonic()
        _tell_systemd("WATCHDOG=1")


def stopping() -> None:
    """The daemon has been told to stop and lets running work end."""
    _tell_systemd("STOPPING=1", "STATUS=stopping: running work may end")


def _watchdog() -> float:
    """Seconds after which systemd takes a silent daemon for hung; 0 when it does not watch this one."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    try:
        return int(os.environ.get("WATCHDOG_USEC", "0")) / _MICROSECONDS
    except ValueError:
        return 0.0


def _tell_systemd(*assignments: str) -> None:
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):
        return
    if address.startswith("@"):  # a name that is in no file system
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.settimeout(1.0)
            line.sendto("\n".join(assignments).encode(), address)
    except OSError as error:
        log.event("supervisor.silent", "DEBUG", f"systemd does not listen: {error}")


def _tell_pm2(message: str) -> None:
    """PM2 speaks JSON lines through a descriptor that Node's child processes inherit."""
    with suppress(ValueError, OSError):
        os.write(int(os.environ.get("NODE_CHANNEL_FD", "")), message.encode())
