"""What every answer has, and how errors look to people and to programs."""

import base64
from collections.abc import Callable

import pytest

from hourhand.settings import Settings
from hourhand.transport import Transport
from hourhand_admin.web.headers import CSP
from hourhand_admin.web.visit import FLASH_COOKIE, THEME_COOKIE, ZONE_COOKIE
from tests.admin.house import House, open_house


def test_every_answer_has_the_headers_that_close_it(house: House) -> None:
    person = house.person("viewer")
    for path in ("/", "/login", "/runs/1", "/healthz", "/static/admin.css", "/nowhere"):
        headers = person.get(path).headers
        assert headers["content-security-policy"] == CSP, path
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "same-origin"
        assert float(headers["server-timing"].removeprefix("app;dur=")) >= 0
    assert "unsafe" not in CSP


def test_nobody_is_sent_to_a_host_that_was_made_up(house: House) -> None:
    for path in ("/runs/", "/login/", "//evil.example/", "/healthz/"):
        answer = house.person("viewer").http.get(f"{house.url}{path}", headers={"host": "evil.example"})
        assert (answer.status_code, "without the slash" in answer.text) == (404, True), path


@pytest.mark.parametrize("cookie", ["5", "{}", '["x"]', "[" * 2900, "\udcff", '[["good"], {}]'])
def test_no_cookie_breaks_a_page(house: House, cookie: str) -> None:
    kept = base64.urlsafe_b64encode(cookie.encode("utf-8", "surrogateescape")).decode()
    person = house.person("viewer")
    for value in (kept, "=", "x"):
        headers = {"cookie": f"{FLASH_COOKIE}={value}; {ZONE_COOKIE}={value}; {THEME_COOKIE}={value}"}
        assert person.http.get("/login", headers=headers).status_code == 200


def test_pages_are_kept_by_nobody_and_static_files_for_ever(house: House) -> None:
    person = house.person("viewer")
    page = person.get("/")
    assert page.headers["cache-control"] == "no-store"
    [address] = [part.split('"')[0] for part in page.text.split('href="') if "admin.css" in part]
    asset = person.get(address)
    assert "immutable" in asset.headers["cache-control"]
    assert asset.headers["content-encoding"] == "gzip"
    assert ":root" in asset.text
    assert "immutable" not in person.get("/static/admin.js").headers["cache-control"]
    again = person.http.get(address, headers={"if-none-match": asset.headers["etag"]})
    assert (again.status_code, again.text) == (304, "")


@pytest.mark.parametrize("name", ["../app.py", "..%2fapp.py", "x/../../app.py", "%00", "missing.js"])
def test_nothing_but_the_static_files_is_served(house: House, name: str) -> None:
    assert house.person("viewer").get(f"/static/{name}").status_code == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/runs/999", 404),
        ("/nowhere", 404),
        ("/runs/x", 422),
        ("/runs?schedule=none", 404),
        ("/runs?since=x", 422),
    ],
)
def test_an_error_is_a_page_for_people_and_a_problem_for_programs(
    house: House, path: str, status: int
) -> None:
    page = house.person("viewer").get(path)
    assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert "<h1>" in page.text
    answer = house.program("viewer").ask("GET", path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    told = answer.json()
    assert (told["type"], told["status"]) == ("about:blank", status)
    assert told["title"]
    assert told["detail"]


def test_what_breaks_says_nothing_of_the_inside(house: House) -> None:
    def broken() -> None:
        raise RuntimeError("the password is 1234")

    house.app.add_api_route("/broken", broken)
    answer = house.program("viewer").ask("GET", "/broken")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "1234" not in answer.text


def test_a_request_that_is_too_large_is_refused(house: House) -> None:
    answer = house.program("admin").ask("POST", "/display", data={"theme": "x" * 2_000_000})
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "path", ["/runs?task=%00", "/schedules?search=%ff%fe", "/runs?before=99999999999999999999"]
)
def test_odd_characters_and_numbers_break_nothing(house: House, path: str) -> None:
    assert house.person("viewer").get(path).status_code in (200, 422)


def test_pages_are_compressed_and_streams_are_not(house: House) -> None:
    person = house.person("viewer")
    assert person.get("/runs").headers["content-encoding"] == "gzip"
    assert "content-encoding" not in person.http.get("/runs", headers={"accept-encoding": ""}).headers
    with person.http.stream("GET", "/api/v1/events?runs") as events:
        assert "content-encoding" not in events.headers


def test_it_can_be_mounted_below_a_path(settings: Settings, transport: Transport) -> None:
    with open_house(settings, transport, root_path="/jobs") as house:
        person = house.person("viewer")
        page = person.get("/runs")
        assert page.status_code == 200
        addresses = [
            part.split('"')[0] for part in page.text.replace('action="', 'href="').split('href="')[1:]
        ]
        assert [address for address in addresses if not address.startswith(("/jobs/", "#"))] == []
        assert 'aria-current="page">Runs' in page.text
        assert house.person(None).get("/runs").headers["location"] == "/jobs/login?next=%2Fruns"
        assert "Path=/jobs" in house.person(None).get("/login").headers["set-cookie"]


def test_the_description_of_the_api_needs_nothing_from_elsewhere(house: House) -> None:
    described = house.program(None).ask("GET", "/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    assert "/healthz" in described["paths"]
    assert not [path for path in described["paths"] if path in ("/", "/runs", "/login")]


def test_a_row_that_is_odd_breaks_no_list(
    house: House, transport: Transport, sql: Callable[..., object]
) -> None:
    for number, cron in enumerate(["* * * * *", "61 * * * *", "nonsense", "0 0 30 2 *"]):
        transport.call(
            "put_schedule", {"p_schedule": {"name": f"s{number}", "task": "\u202et", "cron": cron}}
        )
    transport.call("put_schedule", {"p_schedule": {"name": "a/b?c#d", "task": "t", "run_at": "2044-03-15"}})
    sql("set session_replication_role = replica")  # as a row may have been before such times were refused
    sql("update hourhand.scheduled_jobs set run_at = '0044-03-15 12:00 BC' where run_at is not null")
    page = house.person("viewer").get("/schedules")
    assert page.status_code == 200
    assert all(f"s{number}<" in page.text for number in range(4))
    assert "/schedules/a%2Fb%3Fc%23d" in page.text
