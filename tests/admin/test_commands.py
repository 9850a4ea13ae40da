"""`hourhand user` and `hourhand token`."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner

from hourhand.cli import main
from hourhand.transport import Transport
from tests.admin.house import House, Program


@pytest.fixture
def hourhand(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("HOURHAND_TRANSPORT", "postgres")

    def hourhand(*arguments: str, given: str | None = None) -> Any:
        return CliRunner().invoke(main, arguments, input=given)

    return hourhand


def test_users_are_added_changed_listed_and_deleted(hourhand: Any, transport: Transport) -> None:
    added = hourhand("user", "add", "alice", "--role", "operator", given="a long password\n")
    assert (added.exit_code, added.stderr) == (0, "user alice may log in as operator\n")
    assert hourhand("user", "add", "alice", given="another password\n").exit_code == 1
    before = transport.call("find_user", {"p_name": "alice"})
    assert before["password_hash"].startswith("$argon2id$")
    assert hourhand("user", "set", "alice", "--role", "viewer").exit_code == 0
    assert transport.call("find_user", {"p_name": "alice"}) == {**before, "role": "viewer"}
    assert hourhand("user", "set", "alice", "--password", given="a new password\n").exit_code == 0
    assert transport.call("find_user", {"p_name": "alice"})["password_hash"] != before["password_hash"]
    listed = hourhand("user", "list")
    assert [line.split() for line in listed.stdout.splitlines()[1:]] == [["alice", "viewer", "open", "-"]]
    assert "password" not in hourhand("user", "list", "--json").stdout
    assert hourhand("user", "delete", "alice").exit_code == 0
    assert hourhand("user", "delete", "alice").exit_code == 1
    assert hourhand("user", "set", "alice", "--role", "viewer").exit_code == 1


def test_a_user_is_locked_out_and_let_in_again_but_not_the_only_admin(
    hourhand: Any, transport: Transport
) -> None:
    hourhand("user", "add", "alice", given="a long password\n")
    before = transport.call("find_user", {"p_name": "alice"})
    for _ in range(2):
        assert hourhand("user", "lock", "alice").exit_code == 0
    assert transport.call("find_user", {"p_name": "alice"}) == {**before, "password_hash": None}
    assert "locked" in hourhand("user", "list").stdout
    assert hourhand("user", "unlock", "alice").stderr == "user alice may log in as viewer\n"
    assert transport.call("find_user", {"p_name": "alice"}) == before
    assert hourhand("user", "lock", "nobody").exit_code == 1
    hourhand("user", "add", "root", "--role", "admin", given="a long password\n")
    for refused in (("lock", "root"), ("delete", "root"), ("set", "root", "--role", "viewer")):
        assert hourhand("user", *refused).exit_code == 1
    hourhand("user", "set", "alice", "--role", "admin")
    assert hourhand("user", "delete", "root").exit_code == 0


@pytest.mark.parametrize(
    ("name", "password"), [("alice", "short\n"), ("a b", "long enough\n"), ("", "long enough\n")]
)
def test_a_short_password_or_an_odd_name_is_refused(hourhand: Any, name: str, password: str) -> None:
    assert hourhand("user", "add", name, given=password).exit_code == 2


def test_a_token_is_printed_once_and_lets_a_program_in(hourhand: Any, house: House) -> None:
    made = hourhand("token", "create", "ci", "--role", "operator", "--expires", "90d", "--json")
    token = json.loads(made.stdout)
    assert (token["role"], token["name"]) == ("operator", "ci")
    program = Program(house.url, token["token"])
    with program.http as http:
        assert http.get("/runs").status_code == 200
    assert token["token"] not in hourhand("token", "list", "--json").stdout
    assert hourhand("token", "create", "ci").exit_code == 1
    assert hourhand("token", "revoke", "ci").exit_code == 0
    assert hourhand("token", "revoke", "ci").exit_code == 1
    assert hourhand("token", "list").exit_code == 0


def test_stdout_has_the_token_and_nothing_else(hourhand: Any) -> None:
    made = hourhand("token", "create", "grafana")
    assert made.stdout.startswith("hh_")
    assert len(made.stdout.split()) == 1
