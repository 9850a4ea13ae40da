"""A Postgres server of our own in a data directory, for as long as its owner lives."""

import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from hourhand.embedded.address import Address, owner_lock, publish, socket_directory, withdraw
from hourhand.embedded.cluster import Cluster, majors
from hourhand.embedded.directory import ELSEWHERE, as_sentences, make_data_dir
from hourhand.embedded.finder import find
from hourhand.embedded.identity import Identity
from hourhand.embedded.postmaster import WITHOUT_FSYNC, Postmaster
from hourhand.errors import EmbeddedError


class InUse(EmbeddedError):  # noqa: N818
    """Another living process owns the data directory."""


class Server:
    """Owns the embedded Postgres in `data_dir`: a context manager with `.url` inside.

    It stops with its owner, however that one ends. Start it from the main thread, because on Linux it
    also ends with the thread that started it. `fsync=False` is for tests, which have nothing to lose.
    `options` are settings of Postgres that win over ours. All methods raise EmbeddedError.
    """

    def __init__(
        self,
        data_dir: Path | str,
        *,
        pg_bin: Path | None = None,
        fsync: bool = True,
        options: Mapping[str, str] | None = None,
    ) -> None:
        self.data_dir = Path(data_dir).absolute()
        self.created = False
        """Whether this start made the database."""
        self._pg_bin = pg_bin
        self._fsync = fsync
        self._options = {**({} if fsync else WITHOUT_FSYNC), **(options or {})}
        self._lock = owner_lock(self.data_dir)
        self._address: Address | None = None
        self._postmaster: Postmaster | None = None

    @property
    def url(self) -> str:
        """The DATABASE_URL of the server; it stays the same over restarts."""
        if self._address is None:
            raise EmbeddedError(f"the server in {self.data_dir} is not running", "Call start() first.")
        return self._address.url

    @property
    def pid(self) -> int | None:
        """Process id of Postgres; None when it is not running (any more)."""
        return self._postmaster.pid if self._postmaster else None

    def start(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise EmbeddedError("the embedded Postgres has to be started from the main thread")
        with as_sentences(self.data_dir):
            make_data_dir(self.data_dir)
            self._take_lock()
            try:
                self._start()
            except BaseException:
                self.stop(force=True)
                raise

    def restart(self) -> None:
        """Start Postgres again after it died; the owner and the URL stay."""
        with as_sentences(self.data_dir):
            assert self._postmaster is not None
            self._postmaster.start()

    def ask_to_stop(self) -> None:
        """Begin to stop Postgres, without waiting for it; the data directory stays ours until `stop`."""
        if self._postmaster is not None:
            self._postmaster.ask_to_stop()

    def kill(self) -> None:
        """End Postgres at once; the data directory stays ours until `stop`."""
        if self._postmaster is not None:
            self._postmaster.stop(force=True)

    def stop(self, *, force: bool = False) -> None:
        """Stop Postgres and give up the data directory; `force` skips the orderly shutdown."""
        with as_sentences(self.data_dir):
            withdraw(self.data_dir)
            if self._postmaster is not None:
                self._postmaster.stop(force=force)
            if self._address is not None:
                _remove_if_empty(Path(self._address.socket_dir))
            self._postmaster = self._address = None
            self._lock.release()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _take_lock(self) -> None:
        if not self._lock.acquire():
            raise InUse(
                f"{self.data_dir} is in use by {self._lock.holder() or 'a process that is just ending'}",
                f"Use it as it runs, stop it with `hourhand stop`, or {ELSEWHERE}",
            )

    def _start(self) -> None:
        withdraw(self.data_dir)
        existing = majors(self.data_dir)
        binaries = find(self._pg_bin, major=existing[0] if existing else None)
        identity = Identity.choose(binaries)
        identity.let_in(self.data_dir)
        cluster = Cluster(self.data_dir, binaries, identity)
        self.created = cluster.ensure(fsync=self._fsync)
        self._address = Address(str(socket_directory(self.data_dir, identity.uid)))
        log = self.data_dir / "logs" / "postgres.log"
        self._postmaster = Postmaster(cluster, self._address, log, self._options)
        self._postmaster.start()
        publish(self.data_dir, self._address)


def _remove_if_empty(directory: Path) -> None:
    try:
        directory.rmdir()
    except OSError:  # something of another's is in it: leave it
        return
