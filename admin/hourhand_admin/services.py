"""The services of `hourhand up`: the embedded database, and daemons as child processes."""

import os
import signal
import subprocess
import threading
import uuid
from collections.abc import Mapping, Sequence
from typing import IO

from hourhand.embedded import Server
from hourhand.embedded.child import bound_command
from hourhand_admin import leftovers
from hourhand_admin.output import Output

_LONGEST_LINE = 65_536  # bytes
_LAST_WORDS_WITHIN = 2.0  # seconds


class Database:
    """The embedded server. It has been started once, by whoever made it."""

    name = "postgres"
    grace = 30.0

    def __init__(self, server: Server) -> None:
        self._server = server

    @property
    def pid(self) -> int | None:
        return self._server.pid

    def start(self) -> None:
        if self._server.pid is None:
            self._server.restart()

    def ended(self) -> str:
        return "ended"

    def ask_to_stop(self) -> None:
        self._server.ask_to_stop()

    def finish(self) -> None:
        self._server.kill()


class Daemon:
    """A child that cannot outlive us; what it writes goes to `output`."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        output: Output,
        *,
        grace: float,
        environment: Mapping[str, str] | None = None,
        ended_by: signal.Signals = signal.SIGTERM,
    ) -> None:
        """`grace`: how many seconds it may take to stop; `ended_by`: its signal when we are killed."""
        self.name = name
        self.grace = grace
        self._command = command
        self._ended_by = ended_by
        self._environment = environment if environment is not None else os.environ
        self._mark = ""
        self._output = output
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        self._mark = uuid.uuid4().hex
        self._process = subprocess.Popen(
            bound_command(self._command, ended_by=self._ended_by),
            env={**self._environment, leftovers.VARIABLE: self._mark},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,  # Ctrl-C in a terminal is for us, who stop it in its turn
        )
        assert self._process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=[self._process.stdout], daemon=True)
        self._reader.start()

    def ended(self) -> str:
        assert self._process is not None
        code = self._process.returncode
        return f"was ended by {_signal_name(-code)}" if code < 0 else f"ended with code {code}"

    def ask_to_stop(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)

    def finish(self) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        leftovers.end_leftovers(self._mark)
        assert self._reader is not None
        self._reader.join(_LAST_WORDS_WITHIN)

    def _read(self, stream: IO[bytes]) -> None:
        with stream:
            for line in iter(lambda: stream.readline(_LONGEST_LINE), b""):
                self._output.write(self.name, line.decode("utf-8", "replace").rstrip("\r\n"))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
