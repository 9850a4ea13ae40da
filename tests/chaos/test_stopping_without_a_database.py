"""Whoever is told to stop stops soon, also where the database does not answer."""

import signal
import time
from collections.abc import Iterator

import pytest

from tests.support import eventually
from tests.support.chaos import Print, Site
from tests.support.proxy import Proxy, proxy

WITHIN = 6.0  # seconds, on a machine that is busy with other tests


@pytest.fixture
def network(site: Site) -> Iterator[Proxy]:
    with proxy(site.url) as it:
        yield it


@pytest.mark.parametrize("kind", ["scheduler", "worker"])
def test_a_daemon_without_its_database_stops_promptly(
    site: Site, network: Proxy, kind: str, tell: Print
) -> None:
    daemon = (site.scheduler if kind == "scheduler" else site.worker)(DATABASE_URL=network.url)
    site.await_open()
    network.refusing = True
    network.break_connections()
    eventually(lambda: daemon.events("loop.failed"), 20)
    began = time.monotonic()
    daemon.send(signal.SIGTERM)
    assert daemon.process.wait(20) == 0
    tell(f"{kind} without its database: stopped after {time.monotonic() - began:.2f} s")
    assert time.monotonic() - began < WITHIN
    warnings = [event["message"] for event in daemon.events("loop.failed")]
    assert len(warnings) == 1, warnings
