"""Processes that a service started and left behind when it ended (found on Linux only).

They are known by a variable of the environment, which the processes that a process starts inherit. What is
to outlive its service can unset it.
"""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

_ROUNDS, _PAUSE = 50, 0.02  # one that hangs in the kernel is not waited for for ever
VARIABLE = "HOURHAND_SERVICE_START"


def end_leftovers(mark: str) -> None:
    """Kill every process whose environment has `mark` as VARIABLE, and what they start meanwhile."""
    for _ in range(_ROUNDS):
        found = [*_marked(f"{VARIABLE}={mark}".encode())]
        if not found:
            return
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_PAUSE)


def _marked(variable: bytes) -> Iterator[int]:
    if sys.platform != "linux":
        return
    for entry in filter(str.isdecimal, os.listdir("/proc")):
        # Another user's processes cannot be read, and dead ones have no environment.
        with suppress(OSError), open(f"/proc/{entry}/environ", "rb") as file:
            if variable in file.read().split(b"\0"):
                yield int(entry)
