"""Every decision of the ledger, made by a real scheduler, and what `hourhand schedule why` says about it.

    python -m tests.scheduler.decisions [--url postgresql://…]

A scheduler lives from 8:30 to 9:40; at 11:20 another one is started. The clock of the database is moved.
"""

import argparse
import os
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from hourhand import Client, migrate
from hourhand.cli import main as hourhand
from hourhand.tasks import task
from hourhand.testing import DatabaseClock, drain
from hourhand.transport.postgres import PostgresTransport
from hourhand_scheduler.journal import Journal
from hourhand_scheduler.scheduler import Scheduler
from hourhand_scheduler.session import Session
from tests.support.databases import server

SCHEDULES: Mapping[str, Mapping[str, Any]] = {
    "fired": {},
    "skipped_overlap": {"task": "nobody-knows-it", "cron": "0,30 * * * *"},
    "excluded": {"exclude": ["tue"]},
    "paused": {"cron": "*/10 * * * *"},
    "missed": {"catch_up": "skip"},
    "coalesced": {"catch_up": "last", "catch_up_window": "2h"},
    "expired": {"start_deadline": "10m"},
    "backfilled": {"catch_up": "skip"},
}
"""One for each decision, by the hour unless it says otherwise."""

ASKED = {
    "fired": "09:00",
    "skipped_overlap": "09:30",
    "excluded": "09:00",
    "paused": "09:20",
    "missed": "10:00",
    "coalesced": "10:00",
    "expired": "11:00",
    "backfilled": "10:00",
}


@task("fetch")
def fetch() -> None:
    pass


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-03-10T{text}").replace(tzinfo=UTC)


def happen(client: Client, clock: DatabaseClock) -> None:
    """The day, up to 11:20."""
    clock.freeze(at("08:30"))
    for name, fields in SCHEDULES.items():
        client.schedules.create(
            **{"name": name, "task": "fetch", "cron": "0 * * * *", "timezone": "UTC", **fields}
        )
    client.schedules.pause("paused", at("09:30"), "the feeds are being moved")
    with Session(client.transport, Journal(), lease=90) as session:
        for minutes in range(0, 70, 10):
            clock.freeze(at("08:30") + timedelta(minutes=minutes))
            fire(client, session)
        clock.freeze(at("09:40"))
    clock.freeze(at("11:20"))
    with Session(client.transport, Journal(), lease=90) as session:
        fire(client, session)
        client.schedules.backfill("backfilled", at("09:30"), at("10:30"))
        drain(client, [fetch])


def fire(client: Client, session: Session) -> None:
    Scheduler(client.transport, client.settings, session, Journal()).finish()
    drain(client, [fetch])


def sentences(url: str) -> Iterator[tuple[str, str]]:
    """Each decision, and what the command says about the instant."""
    for decision, time in ASKED.items():
        arguments = ["schedule", "why", decision, "--at", f"{at(time):%Y-%m-%dT%H:%M:%SZ}"]
        done = CliRunner().invoke(hourhand, arguments, env={"DATABASE_URL": url})
        yield decision, done.output.strip()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", help="a superuser's URL of a server's maintenance database")
    if url := parser.parse_args().url:
        os.environ["HOURHAND_TEST_DATABASE_URL"] = url
    with (
        tempfile.TemporaryDirectory() as directory,
        server(Path(directory)) as postgres,
        postgres.database() as url,
    ):
        transport = PostgresTransport(url, application_name="decisions")
        migrate.apply(transport)
        transport.close()
        with Client(url) as client, DatabaseClock(url) as clock:
            happen(client, clock)
            for decision, sentence in sentences(url):
                print(f"{decision}\n    {sentence}")


if __name__ == "__main__":
    main()
