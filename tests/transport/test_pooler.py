"""Through a pooler that gives each transaction any connection."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hourhand.errors import Unavailable
from hourhand.transport.postgres import PostgresTransport
from tests.support.pgbouncer import pgbouncer


@pytest.mark.usefixtures("probes")
def test_calls_do_not_depend_on_the_session(database_url: str, tmp_path: Path) -> None:
    with pgbouncer(database_url, tmp_path) as url, ThreadPoolExecutor(8) as threads:
        transport = PostgresTransport(url, application_name="pooled")

        def call(number: int) -> int:
            answer: dict[str, int] = transport.call("echo", {"p_int": number, "p_json": {"n": number}})
            return answer["int"]

        assert list(threads.map(call, range(200))) == list(range(200))
        transport.close()


def test_a_pooler_without_its_server_is_unavailable(database_url: str, tmp_path: Path) -> None:
    with pgbouncer(database_url, tmp_path) as url:
        transport = PostgresTransport(f"{url}_gone", application_name="pooled", patience=0)
        with pytest.raises(Unavailable):
            transport.call("info")
