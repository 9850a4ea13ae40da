"""Databases for tests: one with hourhand's schema as a template, and a copy of it for each test."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cached_property
from urllib.parse import urlsplit

from hourhand import migrate
from hourhand.transport.postgres import PostgresTransport


class Databases:
    """Makes databases on a server. `url` is that of any of its databases, for a role that may create others.

    Their names begin with `hourhand_test_`.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._prefix = f"hourhand_test_{os.getpid()}_{uuid.uuid4().hex[:8]}"

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """The URL of a new database with the schema; it is dropped in the end, whoever is connected."""
        with self._database(template=self._template) as url:
            yield url

    def close(self) -> None:
        """Drop the template."""
        if "_template" in self.__dict__:
            self._run(f"drop database if exists {self._template}")

    @cached_property
    def _template(self) -> str:
        name = f"{self._prefix}_template"
        self._run(f"create database {name}")
        with closing(_connected(self._url_of(name))) as database:
            migrate.apply(database)
        return name

    @cached_property
    def _strategy(self) -> str:
        # A copy of files takes a third of the time, but it begins and ends with a checkpoint.
        with closing(_connected(self.url)) as database:
            [(durable,)] = database.query("show fsync")
        return "wal_log" if durable == "on" else "file_copy"

    @contextmanager
    def _database(self, template: str) -> Iterator[str]:
        name = f"{self._prefix}_{uuid.uuid4().hex[:8]}"
        self._run(f"create database {name} template {template} strategy {self._strategy}")
        try:
            yield self._url_of(name)
        finally:
            self._run(f"drop database if exists {name} with (force)")

    def _run(self, statement: str) -> None:
        with closing(_connected(self.url)) as database:
            database.execute(statement)

    def _url_of(self, name: str) -> str:
        return urlsplit(self.url)._replace(path=f"/{name}").geturl()


def _connected(url: str) -> PostgresTransport:
    return PostgresTransport(url, application_name="hourhand-testing", patience=5.0)
