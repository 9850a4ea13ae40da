"""What a run may leave behind in its process, as something that can be compared.

A process that does not look as it did before the run is not used for another one: no run is harmed by what
an earlier one has left, whatever that was.
"""

import locale
import os
import resource
import signal
import sys
import threading
import warnings

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGCHLD, signal.SIGPIPE, signal.SIGUSR2)
_LIMITS = (resource.RLIMIT_CPU, resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC)


def traces() -> object:
    return (
        _directory(),
        _umask(),
        os.getpgrp(),
        dict(os.environ),
        threading.active_count(),
        _has_children(),
        [signal.getsignal(number) for number in _SIGNALS],
        signal.getitimer(signal.ITIMER_REAL),
        signal.pthread_sigmask(signal.SIG_BLOCK, []),
        [resource.getrlimit(limit) for limit in _LIMITS],
        locale.setlocale(locale.LC_ALL),
        sys.getrecursionlimit(),
        [warning[0] for warning in warnings.filters if warning[0] == "error"],
        sys.gettrace(),
        [id(stream) for stream in (sys.stdin, sys.stdout, sys.stderr)],
        [_file(number) for number in range(3)],
    )


def _directory() -> str | None:
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _file(number: int) -> tuple[int, int] | None:
    try:
        status = os.fstat(number)
    except OSError:
        return None
    return status.st_dev, status.st_ino
