"""The running Postgres of one cluster: started as our child, ready when it says so, stopped for certain."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from hourhand.embedded.address import Address
from hourhand.embedded.child import bound_command
from hourhand.embedded.cluster import Cluster, clean_environment
from hourhand.errors import EmbeddedError

# Small enough for a machine with 1 GiB of memory, and quiet.
OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "cluster_name": "hourhand",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "maintenance_work_mem": "32MB",
    "effective_cache_size": "256MB",
    "max_wal_size": "256MB",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "synchronous_commit": "off",
    "log_checkpoints": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
}
WITHOUT_FSYNC = {"fsync": "off", "full_page_writes": "off"}

_READY_WITHIN = 120.0  # seconds; recovery after a crash on a slow card takes long
_FAST_STOP_WITHIN = 30.0
_QUICK_STOP_WITHIN = 5.0
_OLD_ONE_GONE_WITHIN = 15.0
_LOG_KEPT = 10 * 2**20  # bytes
_STATUS_LINE = 7
# What a new server says while the last backends of one that was killed have not noticed yet.
_STILL_IN_USE = ("pre-existing shared memory block", "lock file")


class Postmaster:
    """One `postgres` on a cluster. Only the owner of the data directory may use it."""

    def __init__(self, cluster: Cluster, address: Address, log: Path, options: Mapping[str, str]) -> None:
        self._cluster = cluster
        self._log = log
        self._options = {
            **OPTIONS,
            **options,
            "unix_socket_directories": f'"{address.socket_dir}"',
            "port": str(address.port),
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Its process id while it lives."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start it and wait until it takes connections. Raises EmbeddedError."""
        deadline = time.monotonic() + _OLD_ONE_GONE_WITHIN
        self._end_old_one(deadline)
        while True:
            said_before = self._open_log_and_launch()
            reason = self._wait_until_ready(said_before)
            if reason is None:
                return
            if time.monotonic() >= deadline or not any(words in reason for words in _STILL_IN_USE):
                raise EmbeddedError(f"Postgres did not start: {reason}", f"Its log is {self._log}.")
            time.sleep(0.2)

    def ask_to_stop(self) -> None:
        """Begin an orderly stop, without waiting for it."""
        self._send(signal.SIGINT)

    def stop(self, *, force: bool = False) -> None:
        """Stop it: connections are cut, what was committed is written out.

        `force` leaves the writing to the next start.
        """
        if self._process is None:
            return
        if not force:
            self._end(signal.SIGINT, _FAST_STOP_WITHIN)
        self._end(signal.SIGQUIT, _QUICK_STOP_WITHIN)
        self._end(signal.SIGKILL, None)
        self._process = None

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def _end(self, number: signal.Signals, within: float | None) -> None:
        assert self._process is not None
        self._send(number)
        try:
            self._process.wait(within)
        except subprocess.TimeoutExpired:
            return

    def _open_log_and_launch(self) -> int:
        """Start the process; the answer is where in the log its own lines begin."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        if self._log.exists() and self._log.stat().st_size > _LOG_KEPT:
            self._log.replace(self._log.with_suffix(".log.1"))
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                cwd=self._cluster.path.parent,
                env=clean_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,  # Ctrl-C in a terminal is for its owner, who stops it last
            )
            return log.tell()

    def _command(self) -> list[str]:
        settings = [f"--{name}={value}" for name, value in self._options.items()]
        postgres = [
            self._cluster.binaries.program("postgres"),
            "-D",
            str(self._cluster.path.absolute()),
            *settings,
        ]
        return bound_command(postgres, ended_by=signal.SIGINT, identity=self._cluster.identity.launch)

    def _wait_until_ready(self, said_before: int) -> str | None:
        """None when it is ready, else why it is not."""
        assert self._process is not None
        deadline = time.monotonic() + _READY_WITHIN
        while self._process.poll() is None:
            lines = self._pid_file_lines()
            if lines[:1] == [str(self._process.pid)] and lines[_STATUS_LINE:] == ["ready"]:
                return None
            if time.monotonic() >= deadline:
                self.stop()
                return f"it was not ready after {_READY_WITHIN:.0f} seconds"
            time.sleep(0.02)
        return _last_complaint(self._log, said_before) or f"it ended with code {self._process.returncode}"

    # --- A server that an earlier owner left ---

    @property
    def _pid_file(self) -> Path:
        return self._cluster.path / "postmaster.pid"

    def _pid_file_lines(self) -> list[str]:
        try:
            return [line.strip() for line in self._pid_file.read_text("utf-8", "replace").splitlines()]
        except FileNotFoundError:
            return []

    def _end_old_one(self, deadline: float) -> None:
        """End the server of an owner that was killed if it has not ended yet, and clear a lying pid file.

        Nobody else can have started one: we hold the lock of the data directory.
        """
        wait = (deadline - time.monotonic()) / 2
        for number in (signal.SIGINT, signal.SIGQUIT):
            if (pid := self._old_pid()) is None:
                break
            with suppress(ProcessLookupError):
                os.kill(pid, number)
            self._wait_for_old_one(wait)
        if (pid := self._old_pid()) is not None:
            raise EmbeddedError(
                f"process {pid} is a Postgres that does not stop, on {self._cluster.path}",
                f"End it: kill -9 {pid}",
            )
        self._pid_file.unlink(missing_ok=True)

    def _wait_for_old_one(self, within: float) -> None:
        deadline = time.monotonic() + within
        while self._old_pid() is not None and time.monotonic() < deadline:
            time.sleep(0.02)

    def _old_pid(self) -> int | None:
        """The process in the pid file if it really is a Postgres on this cluster."""
        first = self._pid_file_lines()[:1]
        if not first or not first[0].isdecimal():
            return None
        return int(first[0]) if _serves(int(first[0]), self._cluster.path) else None


def _serves(pid: int, path: Path) -> bool:
    """Whether process `pid` is a Postgres on `path`; another program may have got the number since."""
    if sys.platform != "linux":
        answer = subprocess.run(
            ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return "postgres" in answer.stdout and str(path) in answer.stdout
    try:
        program = os.path.basename(os.readlink(f"/proc/{pid}/exe"))
        # It may have been replaced since it was started.
        return program.removesuffix(" (deleted)") == "postgres" and os.path.samefile(f"/proc/{pid}/cwd", path)
    except OSError:  # gone, a zombie, or another user's: then it has no business in our directory
        return False


def _last_complaint(log: Path, offset: int) -> str | None:
    with log.open("rb") as file:
        file.seek(offset)
        lines = file.read().decode("utf-8", "replace").splitlines()
    complaints = [line for line in lines if "FATAL:" in line or "PANIC:" in line] or lines[-1:]
    return complaints[-1].partition("FATAL:")[2].strip() or complaints[-1] if complaints else None
