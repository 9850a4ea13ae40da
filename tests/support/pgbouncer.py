"""pgbouncer in transaction mode, where it is installed."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from tests.support.programs import program
from tests.support.proxy import proxy
from tests.support.waiting import eventually

CONFIGURATION = """\
[databases]
* = host={host} port={port} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 4
max_client_conn = 100
"""


@contextmanager
def pgbouncer(url: str, directory: Path, *, user: str = "postgres") -> Iterator[str]:
    """The URL of the same database through a pooler that gives each transaction any connection of `user`."""
    listen = _free_port()
    # It gives up root, and may not enter the directory of the server's socket then: so over TCP.
    with (
        proxy(url) as server,
        subprocess.Popen(
            [*_command(), str(_configure(server.url, directory, listen, user))], stderr=subprocess.DEVNULL
        ) as process,
    ):
        try:
            pooled = f"postgresql://postgres@127.0.0.1:{listen}{urlsplit(url).path}"
            eventually(lambda: _answers(pooled))
            yield pooled
        finally:
            process.kill()


def _command() -> list[str]:
    # It refuses to run as root.
    return [program("pgbouncer"), "-q", *(["-u", "nobody"] if os.getuid() == 0 else [])]


def _configure(url: str, directory: Path, listen: int, user: str) -> Path:
    server = conninfo_to_dict(url)
    path = directory / "pgbouncer.ini"
    port = server.get("port") or 5432
    path.write_text(CONFIGURATION.format(host=server["host"], port=port, listen=listen, user=user))
    return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=2):
            return True
    except psycopg.OperationalError:
        return False
