"""Renews the lease while the worker's interpreter is blocked: `python -m hourhand_worker.standin LEASE MOST`.

A task that calls into C without releasing the interpreter lock stops every thread of its worker, the
heartbeat too. Another process does not mind. It hears of each beat of the worker, and beats in its place when
they stop coming although the worker is there and not stopped: for MOST seconds, longer than any of its tasks
may take. A worker that was killed or frozen loses its lease as ever.
"""

import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hourhand.transport import Transport

# Parts of the lease. An idle worker beats every two thirds of it.
LATE = 0.75
AGAIN = 1 / 3

_MOST = 4096  # bytes, of which a write to a pipe is never cut in two

LOADING = 5.0
"""Seconds that it may take until the first beat, on a machine that has other things to do."""


class StandIn:
    """The worker's side: a process that is told of each beat."""

    def __init__(self, lease: timedelta, most: timedelta) -> None:
        arguments = [str(lease.total_seconds()), str(most.total_seconds())]
        self._popen = subprocess.Popen(
            [sys.executable, "-P", "-m", "hourhand_worker.standin", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,
        )
        assert self._popen.stdin is not None
        self._pipe = self._popen.stdin
        os.set_blocking(self._pipe.fileno(), False)

    def beaten(self, session: str) -> None:
        """The lease of this session was renewed just now."""
        with suppress(OSError, ValueError):  # gone, closed, or it does not read: the worker manages without
            self._pipe.write(f"{session} {monotonic()}\n".encode())

    def close(self) -> None:
        self._pipe.close()
        self._popen.kill()  # it may be talking to a database that does not answer
        self._popen.wait()


# --- The process ---


def main(lease: float, most: float) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # who means the worker need not tell its stand-in
    worker = os.getppid()
    session, renewed, due = "", 0.0, float("inf")
    # Large and rarely needed: imported ahead only where there would be no time for it later.
    transport = _connect() if lease * (1 - LATE) < LOADING else None
    while True:
        if _has_news(due):
            news = os.read(0, _MOST)
            if not news:
                return
            session, at = news.decode().split("\n")[-2].split()
            renewed = float(at)  # of the clock that all processes of a machine share
            due = renewed + lease * LATE
        elif os.getppid() != worker:
            return
        elif _is_blocked(worker) and monotonic() - renewed < most:
            transport = transport or _connect()
            due = monotonic() + lease * AGAIN if _beat(transport, session, lease) else float("inf")
        else:
            due = float("inf")


def _has_news(due: float) -> bool:
    patience = None if due == float("inf") else max(0.0, due - monotonic())
    return bool(select.select([0], [], [], patience)[0])


def _is_blocked(worker: int) -> bool:
    """Whether it would beat if it could: it is neither dead nor stopped."""
    try:
        state = Path(f"/proc/{worker}/stat").read_text(errors="replace").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state in "RSD"


def _connect() -> "Transport":
    from hourhand.settings import load_settings
    from hourhand.transport import connect

    return connect(load_settings(), application_name="hourhand-worker", patience=1.0)


def _beat(transport: "Transport", session: str, lease: float) -> bool:
    """Whether the session goes on. What the worker holds it alone knows: so nothing is said about that."""
    from hourhand.errors import TransportError

    try:
        answer = transport.call(
            "beat", {"p_session": session, "p_lease": lease, "p_stats": {"blocked": True}}
        )
    except TransportError:
        return True
    return not answer["lost"]


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
