"""`hourhand up` in the background, and its end."""

import io
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hourhand.embedded.lock import Holder
from hourhand.errors import HourhandError
from hourhand.log.files import LogFile
from hourhand_admin.stack import up_lock

_FORCED_WITHIN = 20.0  # seconds


@dataclass(frozen=True)
class Started:
    """A process in the background: what it announced, or else the code it ended with and what it said."""

    pid: int
    announcement: str
    exit_code: int | None = None
    said: str = ""


def start(log: Path, arguments: Sequence[str]) -> Started:
    """Start `hourhand up ARGUMENTS` as a process of its own that writes to `log`; wait until all runs."""
    log.parent.mkdir(parents=True, exist_ok=True)
    said_before = log.stat().st_size if log.exists() else 0
    announcement, process = _launch(log, arguments)
    if announcement:
        return Started(process.pid, announcement)
    code = process.wait()
    with log.open("rb") as file:
        file.seek(said_before)
        return Started(process.pid, "", code, file.read().decode("utf-8", "replace").strip())


def _launch(log: Path, arguments: Sequence[str]) -> tuple[str, subprocess.Popen[bytes]]:
    """The process and what it announced; nothing if it ended first."""
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "hourhand", "up", *arguments, "--announce-to", str(writing)]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=[writing],
            start_new_session=True,
        )
    os.close(writing)
    try:
        with open(reading, encoding="utf-8") as pipe:
            return pipe.read(), process
    except KeyboardInterrupt:
        process.send_signal(signal.SIGTERM)
        process.wait()
        raise


class Rotated(io.TextIOBase):
    """stdout and stderr of a process that may run for years: a log file that is rotated."""

    def __init__(self, log: Path, rotate_mb: int) -> None:
        self._file = LogFile(log, rotate_mb * 2**20)

    def write(self, text: str) -> int:
        if not isinstance(text, str):  # click tries so whether it may write bytes
            raise TypeError("a text is expected")
        self._file.handle(logging.makeLogRecord({"msg": text}))
        return len(text)


def stop(data_dir: Path, grace: float) -> Holder | None:
    """Stop the `hourhand up` of `data_dir` in order, after `grace` seconds by force.

    Returns the process that was stopped, or None if there was none. Raises HourhandError if it stays.
    """
    holder = up_lock(data_dir).holder()
    if holder is None:
        return None
    for patience in (grace, _FORCED_WITHIN):
        os.kill(holder.pid, signal.SIGTERM)
        if _has_ended(data_dir, holder, patience):
            return holder
    raise HourhandError(f"process {holder.pid} does not stop", f"End it: kill -9 {holder.pid}")


def _has_ended(data_dir: Path, holder: Holder, within: float) -> bool:
    deadline = time.monotonic() + within
    while (now := up_lock(data_dir).holder()) is not None and now.pid == holder.pid:
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.05)
    return True
