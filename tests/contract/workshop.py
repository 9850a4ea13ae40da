"""Daemons that go the way of the test."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from hourhand.registry import Registry
from hourhand.settings import Settings
from hourhand.transport import Transport, connect
from hourhand.transport.postgres import PostgresTransport
from hourhand_scheduler.code import Code
from hourhand_scheduler.daemon import Daemon
from hourhand_scheduler.journal import Journal
from hourhand_worker.attempt import Attempt, Result
from hourhand_worker.worker import Worker
from tests.contract.ways import Place
from tests.worker.workshop import Workshop


class AnyWorkshop(Workshop):
    """It looks at the database as a superuser; its workers and schedulers go by the place's way."""

    def __init__(
        self, place: Place, looks: PostgresTransport, tasks: Registry, directory: Path, stack: ExitStack
    ) -> None:
        super().__init__(place.url, looks, tasks, directory, stack)
        self._place = place

    def settings(self, **overrides: Any) -> Settings:
        return self._place.settings(**{"lease": 5, "shutdown": 5, **overrides})

    def worker(
        self,
        *,
        name: str = "tested",
        url: str | None = None,
        ended: Callable[[Attempt, Result], None] | None = None,
        **overrides: Any,
    ) -> Worker:
        assert url is None, "the way is that of the test"
        settings = self.settings(**overrides)
        transport, pulse = self._connect(settings, 5.0), self._connect(settings, 1.0)
        return Worker(settings, self.tasks, transport, pulse=pulse, name=name, ended=ended)

    @contextmanager
    def scheduling(self, **overrides: Any) -> Iterator[Daemon]:
        """A scheduler in a thread while inside, and until it has begun."""
        settings = self.settings(**overrides)
        journal = Journal()
        daemon = Daemon(self._connect(settings, 5.0), settings, journal, Code(settings, journal, "tested"))
        thread = threading.Thread(target=daemon.run, name="tested-scheduler")
        thread.start()
        try:
            yield daemon
        finally:
            daemon._loop.stop()
            thread.join(30)
            assert not thread.is_alive()

    def _connect(self, settings: Settings, patience: float) -> Transport:
        transport = connect(settings, application_name="hourhand-tests", patience=patience)
        self._stack.callback(transport.close)
        return transport
