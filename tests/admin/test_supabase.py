"""The same over HTTPS alone: with nothing but the address of a Supabase project and its key."""

from collections.abc import Iterator

import pytest

from hourhand.settings import load_settings
from hourhand.transport import connect
from tests.admin.house import PASSWORD, House, open_house
from tests.admin.test_access import log_in
from tests.admin.test_routes import requests
from tests.support.postgrest import PostgREST

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def supabase_house(postgrest: PostgREST, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    for name in ("DATABASE_URL", "POSTGRES_URL", "DATABASE_PRIMARY_URL", "HOURHAND_TRANSPORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in postgrest.environment.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    transport = connect(settings, application_name="hourhand-tests", patience=5.0)
    with open_house(settings, transport) as house:
        yield house
    transport.close()


def test_people_and_programs_get_in_and_every_page_opens(supabase_house: House) -> None:
    house = supabase_house
    house.transport.call("put_schedule", {"p_schedule": {"name": "news", "task": "t", "every": 60}})
    house.transport.call("trigger_schedule", {"p_schedule": "news"})
    house.add_user("alice", "admin")
    visitor = house.person(None)
    assert log_in(visitor, "alice", PASSWORD).status_code == 303
    program = house.program("admin")
    for method, path, _ in requests(house.app):
        if method == "GET":
            for guest in (visitor, program):
                with guest.http.stream("GET", path) as answer:
                    assert answer.status_code < 500, path
                    assert answer.status_code not in (401, 403), path


def test_the_audit_log_names_the_user(supabase_house: House, postgrest: PostgREST) -> None:
    house = supabase_house
    wanted = {"p_schedule": {"name": "news", "task": "t", "every": 60}}
    house.transport.call("act_as", {"p_actor": "alice", "p_function": "put_schedule", "p_params": wanted})
    status, rows = postgrest.request("audit_log?select=actor,action", key=postgrest.key)
    assert (status, rows) == (200, [{"actor": "alice", "action": "schedule.created"}])
