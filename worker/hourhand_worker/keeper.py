"""Keeps one child process, and ends all that comes of it: `python -m hourhand_worker.keeper CHANNEL`.

The worker executes this module; it forks while it is still small and alone, and in the fork `child` runs
tasks. What remains here imports nothing else and waits: for the end of the child, or for the end of its
standard input, which is how the worker says that the child has to go, and also what happens when the worker
is killed. Whatever the child has started and left behind is ended too: on Linux orphans come back to the
keeper, also those that went into a session of their own. Then the keeper ends the way its child did.
"""

import ctypes
import os
import resource
import select
import signal
import sys
from contextlib import suppress
from pathlib import Path
from time import monotonic

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

GRACE = 1.0
"""Seconds between TERM and KILL."""

LOOK_EVERY = 5.0
"""Seconds. The worker is seen to be gone at once, unless a process that it forked keeps the pipe open."""

SWEEP = 10.0
"""Seconds in which what the child left behind has to be gone."""


def main(channel: int) -> None:
    worker, keeper = os.getppid(), os.getpid()
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    control(PR_SET_CHILD_SUBREAPER, 1)
    woken = _woken_by_children()
    child = os.fork()
    if not child:
        signal.set_wakeup_fd(-1)
        _become_child(keeper)
        from hourhand_worker.child import serve

        serve(channel)
        return
    with suppress(OSError):  # both do it: neither waits for the other
        os.setpgid(child, child)
    _close_all_but(0, woken, *_wakers)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # who means the worker must not hit its runs
    _await_end(child, woken, worker)
    _sweep(child)
    _end_like(child)


def control(option: int, value: int) -> None:
    """prctl, which only Linux has."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


# --- Before and right after the fork ---

_wakers: list[int] = []


def _woken_by_children() -> int:
    """A file descriptor that becomes readable when a child ends."""
    woken, waker = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(waker, False)
    _wakers.append(waker)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    return woken


def _become_child(keeper: int) -> None:
    os.setpgid(0, 0)
    control(PR_SET_PDEATHSIG, signal.SIGKILL)
    control(PR_SET_CHILD_SUBREAPER, 1)  # so that orphans are seen while it lives
    if os.getppid() != keeper:
        os._exit(1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for waker in _wakers:
        os.close(waker)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)


def _close_all_but(*kept: int) -> None:
    """What the child writes to has to end with the child."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nothing, number)
    least = 3
    for number in sorted(each for each in kept if each >= least):
        os.closerange(least, number)
        least = number + 1
    os.closerange(least, os.sysconf("SC_OPEN_MAX"))


# --- The watch ---


def _await_end(child: int, woken: int, worker: int) -> None:
    """Until the child has ended; it stays a zombie, so that its number means nobody else."""
    kill_at: float | None = None
    while not _has_ended(child):
        readable = _await_news([woken] if kill_at else [0, woken], kill_at)
        if woken in readable:
            os.read(woken, 4096)
        if kill_at is None and (0 in readable or os.getppid() != worker):
            _signal(child, signal.SIGTERM)
            kill_at = monotonic() + GRACE
        elif kill_at is not None and monotonic() >= kill_at:
            _signal(child, signal.SIGKILL)
            kill_at = monotonic() + GRACE


def _has_ended(child: int) -> bool:
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _await_news(files: list[int], kill_at: float | None) -> list[int]:
    patience = LOOK_EVERY if kill_at is None else max(0.0, kill_at - monotonic())
    return select.select(files, [], [], patience)[0]


def _signal(child: int, number: signal.Signals) -> None:
    """To the whole group, and to a child that has left it."""
    for send in (os.killpg, os.kill):
        with suppress(OSError):
            send(child, number)


# --- The end ---


def _sweep(child: int) -> None:
    """End what is left of the group, and the orphans, until nobody is there but the dead child."""
    with suppress(OSError):
        os.killpg(child, signal.SIGKILL)
    deadline = monotonic() + SWEEP
    while (orphans := _children() - {child}) and monotonic() < deadline:
        for orphan in orphans:
            with suppress(OSError):
                os.kill(orphan, signal.SIGKILL)
        for orphan in orphans:
            with suppress(OSError):
                os.waitpid(orphan, 0)


def _children() -> set[int]:
    ours = str(os.getpid())
    return {int(entry.name) for entry in Path("/proc").glob("[0-9]*") if _parent(entry) == ours}


def _parent(entry: Path) -> str:
    try:
        # pid (name) state parent …, and the name may hold anything.
        return entry.joinpath("stat").read_text(errors="replace").rpartition(")")[2].split()[1]
    except (OSError, IndexError):
        return ""


def _end_like(child: int) -> None:
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with suppress(OSError):  # KILL has no other disposition
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


if __name__ == "__main__":
    main(int(sys.argv[1]))
