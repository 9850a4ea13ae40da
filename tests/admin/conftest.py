"""`house` is a running admin with a database of its own."""

from collections.abc import Callable, Iterator

import pytest

from hourhand.settings import Settings, load_settings
from hourhand.transport import Transport
from tests.admin.browser import Browser, launched
from tests.admin.house import House, open_house
from tests.sql.conftest import Hand, end_lease, enqueue, hand

__all__ = ["Hand", "end_lease", "enqueue", "hand"]


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, database_url: str) -> Settings:
    for name in ("HOURHAND_API_TOKEN", "HOURHAND_ADMIN_PASSWORD", "SUPABASE_JWT_SECRET", "SUPABASE_JWKS_URL"):
        monkeypatch.delenv(name, raising=False)
    return load_settings(database_url=database_url, transport="postgres")


@pytest.fixture
def house(settings: Settings, transport: Transport) -> Iterator[House]:
    with open_house(settings, transport) as house:
        yield house


@pytest.fixture
def add_schedule(transport: Transport) -> Callable[..., int]:
    """Makes a schedule: `add_schedule("news", every=60)`; its id."""

    def add_schedule(name: str = "news", task: str = "task", **fields: object) -> int:
        timing = {} if fields.keys() & {"cron", "every", "run_at"} else {"every": 3600}
        answer = transport.call(
            "put_schedule", {"p_schedule": {"name": name, "task": task, **timing, **fields}}
        )
        schedule_id: int = answer["id"]
        return schedule_id

    return add_schedule


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium. While it runs this thread has an event loop, which no test but those of a browser expects."""
    with launched() as browser:
        yield browser
