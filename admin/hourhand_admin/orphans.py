"""Processes that a dead service left behind become children of this one, and are ended (Linux only)."""

import ctypes
import os
import signal
import sys
from collections.abc import Iterator

_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """From now on, orphans among our descendants become our children."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def collect_orphans(known: set[int], *, end: bool) -> None:
    """Collect every dead child that is not in `known`; with `end`, end the living ones first.

    Nothing else may be starting a process meanwhile: its child would count as an orphan.
    """
    if sys.platform != "linux":
        return
    for pid, dead in _children():
        if pid in known or not (dead or end):
            continue
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _children() -> Iterator[tuple[int, bool]]:
    """Process id of each child, and whether it is dead."""
    us = str(os.getpid())
    for entry in filter(str.isdecimal, os.listdir("/proc")):
        state, parent = _state_and_parent(entry)
        if parent == us:
            yield int(entry), state == "Z"


def _state_and_parent(pid: str) -> tuple[str, str]:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            state, parent, *_ = file.read().rpartition(")")[2].split()
    except (OSError, ValueError):  # it is gone
        return "", ""
    return state, parent
