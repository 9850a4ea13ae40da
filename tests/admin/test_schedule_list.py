"""The list of schedules: steering all that a filter means, and ten thousand of them."""

import html
import re
from collections.abc import Callable
from typing import Any

import pytest

from hourhand.errors import BadInput
from tests.admin.house import House, Person

Sql = Callable[..., list[Any]]


@pytest.fixture
def person(house: House) -> Person:
    return house.person("operator")


@pytest.fixture
def some(add_schedule: Callable[..., int]) -> list[int]:
    """Five schedules, three of them with the tag feeds."""
    return [add_schedule(f"s{number}", tags=["feeds"] if number < 3 else []) for number in range(5)]


def fields(page: str) -> dict[str, str]:
    """What the form of a proposal would send."""
    form = page.split('action="/schedule/bulk"')[1]
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)
    return {name: html.unescape(value) for name, value in found if name != "csrf"}


def states(house: House) -> dict[str, int]:
    counts: dict[str, int] = house.transport.call("browse_schedules")["counts"]
    return counts


@pytest.mark.usefixtures("some")
def test_all_that_match_are_paused_and_resumed_after_they_were_counted(house: House, person: Person) -> None:
    page = person.get("/schedule/bulk?action=pause&tag=feeds").text
    assert "Pause 3 schedules" in page
    assert states(house) == {"active": 5}
    answer = person.post("/schedule/bulk", **fields(page), note="moving")
    assert (answer.status_code, answer.headers["location"]) == (303, "/schedules?tag=feeds")
    assert states(house) == {"active": 2, "paused": 3}
    assert "3 schedules paused." in person.get("/schedules?tag=feeds").text
    person.post("/schedule/bulk", **fields(person.get("/schedule/bulk?action=resume").text))
    assert states(house) == {"active": 5}
    actors = {
        version["actor"]
        for version in house.transport.call("list_versions", {"p_schedule": "s1"})["versions"]
    }
    assert "operator" in actors


@pytest.mark.usefixtures("some")
def test_a_form_that_is_sent_twice_triggers_once(house: House, person: Person) -> None:
    sent = fields(person.get("/schedule/bulk?action=trigger&search=s").text)
    for _ in range(2):
        assert person.post("/schedule/bulk", **sent).status_code == 303
    runs = house.transport.call("list_runs")["runs"]
    assert [run["trigger"] for run in runs] == ["manual"] * 5


@pytest.mark.usefixtures("some")
def test_nothing_happens_when_it_would_be_more_than_was_shown(
    house: House, person: Person, add_schedule: Callable[..., int]
) -> None:
    sent = fields(person.get("/schedule/bulk?action=pause").text)
    add_schedule("another")
    answer = person.post("/schedule/bulk", **sent)
    assert (answer.status_code, "Pause 6 schedules" in answer.text) == (409, True)
    assert states(house) == {"active": 6}


@pytest.mark.usefixtures("some")
def test_nothing_happens_when_it_would_be_as_many_others(
    house: House, person: Person, add_schedule: Callable[..., int]
) -> None:
    sent = fields(person.get("/schedule/bulk?action=pause").text)
    add_schedule("another")
    house.transport.call("delete_schedule", {"p_schedule": "s0"})
    answer = person.post("/schedule/bulk", **sent)
    assert (answer.status_code, "<li>another</li>" in answer.text) == (409, True)
    assert states(house) == {"active": 5}


@pytest.mark.usefixtures("some")
@pytest.mark.parametrize(
    "path",
    [
        "/schedules?tga=feeds",
        "/schedule/bulk?action=pause&tga=feeds",
        "/runs?taks=feeds",
        "/runs.csv?taks=feeds",
        "/run/bulk?action=cancel&taks=feeds",
    ],
)
def test_a_filter_that_is_misspelt_does_not_mean_all(person: Person, path: str) -> None:
    answer = person.get(path)
    assert answer.status_code == 422
    assert re.search("there is no filter &#39;(tga|taks)&#39; here, but .*(tag|task)", answer.text)


@pytest.mark.usefixtures("some")
def test_a_filter_that_is_misspelt_in_sql_does_not_mean_all(house: House) -> None:
    for wrong in ({"tga": "feeds"}, {"tag": "feeds", "limit": 1}):
        with pytest.raises(BadInput, match=r"there is no filter (tga|limit), but search"):
            house.transport.call("steer_schedules", {"p_action": "pause", "p_filter": wrong})
    assert states(house) == {"active": 5}


@pytest.mark.parametrize("action", ["", "delete", "<b>"])
def test_only_what_can_be_done_is_done(house: House, person: Person, action: str) -> None:
    assert person.post("/schedule/bulk", action=action, count="0").status_code == 422
    assert person.get("/schedule/bulk", action=action).status_code == 422


@pytest.mark.usefixtures("some")
def test_it_goes_on_call_by_call(house: House) -> None:
    done = []
    after: int | None = 0
    while after is not None:
        answer = house.transport.call(
            "steer_schedules", {"p_action": "pause", "p_limit": 2, "p_after": after}
        )
        after = answer["more"]
        done.append(answer["done"])
    assert done == [2, 2, 1]


def test_fleets_are_not_triggered(house: House, add_schedule: Callable[..., int]) -> None:
    add_schedule("fleet", rank_intervals={"1": 60})
    assert house.transport.call("steer_schedules", {"p_action": "trigger"})["count"] == 0


def test_rows_that_are_broken_are_shown_with_their_error(
    person: Person, add_schedule: Callable[..., int], sql: Sql
) -> None:
    add_schedule("good")
    for number, error in enumerate(["cron: 61 is no minute", "<script>alert(1)</script>", "x" * 10_000]):
        add_schedule(f"bad{number}", cron="61 * * * *", timezone="Mars/Olympus")
        sql(
            "update hourhand.scheduled_jobs set error = %s where name = %s returning 1",
            error,
            f"bad{number}",
        )
    page = person.get("/schedules")
    assert page.status_code == 200
    assert "61 is no minute" in page.text
    assert "<script>alert" not in page.text
    assert page.text.count("badge s-broken") == 3


@pytest.mark.slow
def test_ten_thousand_schedules_are_listed_in_a_tenth_of_a_second(
    house: House, person: Person, sql: Sql
) -> None:
    sql(
        "insert into hourhand.scheduled_jobs (name, task, cron, tags, created_at, updated_at)"
        " select 'schedule ' || n, 'task ' || n % 50, n % 60 || ' * * * *', array['tag ' || n % 30], now(), now()"
        " from generate_series(1, 10000) n returning 1"
    )
    took = []
    for path in (
        "/schedules",
        "/schedules?search=99",
        "/schedules?state=active&tag=tag 7",
        "/schedules?after=schedule 5",
    ):
        for _ in range(10):
            answer = person.get(path)
            assert answer.status_code == 200
            took.append(float(answer.headers["server-timing"].removeprefix("app;dur=")))
    print(f"p50 {sorted(took)[20]:.0f} ms, p95 {sorted(took)[37]:.0f} ms")
    assert sorted(took)[20] <= 500, "milliseconds, of which an idle machine takes a tenth"
