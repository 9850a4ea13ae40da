"""Who may use which route. All of them are found by walking the application, those added later too."""

import re
from collections.abc import Callable, Iterator

import pytest
from fastapi import FastAPI

from hourhand.settings import load_settings
from hourhand_admin.web.access.forms import HEADER, SAFE, form_token
from hourhand_admin.web.access.needs import Admin, Operator
from hourhand_admin.web.access.roles import NAMES, Role
from hourhand_admin.web.app import Route, create_app, routes
from tests.admin.house import House

REFUSED = (401, 403)
PINGS = "/api/v1/ping/"
"""Whoever knows such an address may call it, from anywhere: the id in it is the secret."""


class Nothing:
    """Stands for a database where none is asked."""

    name = "nothing"


@pytest.fixture(scope="module")
def app() -> FastAPI:
    return create_app(load_settings(), Nothing())  # type: ignore[arg-type]


def requests(app: FastAPI) -> Iterator[tuple[str, str, Route]]:
    """Method and path of each route, with some value for each parameter."""
    for route in routes(app):
        for method in sorted(route.methods - {"HEAD"}):
            yield method, re.sub(r"\{[^}]*\}", "1", route.path), route


@pytest.mark.parametrize("role", [None, *NAMES])
def test_each_route_lets_in_those_who_have_its_role_and_nobody_else(
    house: House, role: str | None, record_property: Callable[[str, object], None]
) -> None:
    program = house.program(role)
    given = Role[role] if role else Role.anyone
    wrong, tried = [], list(requests(house.app))
    for method, path, route in tried:
        with program.http.stream(method, path) as answer:
            refused = answer.status_code in REFUSED
        may = given >= route.role and not (role is None and method not in SAFE and not path.startswith(PINGS))
        if refused == may or answer.status_code == 405:
            wrong.append((method, path, answer.status_code))
    record_property("measured", f"routes tried as {role or 'nobody'}: {len(tried)}, {len(wrong)} wrong")
    assert wrong == []


def test_a_role_lets_in_those_above_it_and_nobody_below(house: House) -> None:
    def for_operators(visit: Operator) -> str:
        return visit.who.role.name

    def for_admins(visit: Admin) -> str:
        return visit.who.role.name

    house.app.add_api_route("/for-operators", for_operators, methods=["GET", "POST"])
    house.app.add_api_route("/for-admins", for_admins, methods=["GET", "POST"])
    seen = {
        role: [
            house.program(role).ask(method, path).status_code for path in ("/for-operators", "/for-admins")
        ]
        for role in (None, *NAMES)
        for method in ("GET", "POST")
    }
    assert seen == {None: [401, 401], "viewer": [403, 403], "operator": [200, 403], "admin": [200, 200]}


def test_a_form_without_its_token_or_from_another_site_is_refused_by_every_route(house: House) -> None:
    person = house.person("admin")
    for method, path, _ in requests(house.app):
        if method in SAFE or path.startswith(PINGS):
            continue
        assert person.http.request(method, path).status_code == 403, path
        foreign = {"origin": "https://evil.example", HEADER: form_token(person.login)}
        assert person.http.request(method, path, headers=foreign).status_code == 403, path


def test_a_route_without_a_role_keeps_the_admin_from_starting(app: FastAPI) -> None:
    app.add_api_route("/forgotten", lambda: "open to all")
    with pytest.raises(TypeError, match="/forgotten"):
        routes(app)


def test_there_are_routes_for_each_role(house: House) -> None:
    found = [(method, path, route.role.name) for method, path, route in requests(house.app)]
    assert len(found) >= 12
    assert {"/", "/schedules", "/runs", "/login", "/healthz"} <= {path for _, path, _ in found}
