"""The calendar: what ran, what did not and what is planned; and the items of fleets."""

import html
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hourhand_admin.web.scheduling.calendar import calendar, fill
from tests.admin.house import House, Person

Sql = Callable[..., list[Any]]

NOW = datetime(2026, 11, 15, 12, tzinfo=UTC)


@pytest.fixture
def decided(sql: Sql, add_schedule: Callable[..., int]) -> Callable[..., None]:
    """Writes into the ledger of a schedule: `decided("news", "2026-11-03 09:00Z", "missed")`."""

    def decided(name: str, at: str, decision: str, until: str | None = None, count: int = 1) -> None:
        sql(
            "insert into hourhand.schedule_firings (schedule_id, scheduled_for, scheduled_until, count, decision, decided_at)"
            " select id, %s, %s, %s, %s, coalesce(%s, %s)::timestamptz + interval '1 s'"
            " from hourhand.scheduled_jobs where name = %s returning 1",
            at, until, count, decision, until, at, name,
        )  # fmt: skip

    add_schedule("news", cron="0 9 * * *")
    return decided


def month(house: House, **params: Any) -> dict[tuple[str, str], int]:
    wanted = {"p_from": "2026-11-01T00:00Z", "p_until": "2026-12-01T00:00Z", **params}
    firings = house.transport.call("list_calendar", {f"{name}": value for name, value in wanted.items()})[
        "firings"
    ]
    return {(row["at"][:13], row["decision"]): row["count"] for row in firings}


def test_firings_are_counted_by_local_day(house: House, decided: Callable[..., None]) -> None:
    for at in ("2026-11-03 22:30Z", "2026-11-03 23:30Z", "2026-11-04 09:00Z"):
        decided("news", at, "fired")
    decided("news", "2026-11-04 10:00Z", "missed")
    assert month(house) == {
        ("2026-11-03T00", "fired"): 2, ("2026-11-04T00", "fired"): 1, ("2026-11-04T00", "missed"): 1,
    }  # fmt: skip
    local = month(house, p_zone="Europe/Berlin")
    assert (local["2026-11-03T00", "fired"], local["2026-11-04T00", "fired"]) == (1, 2)
    assert month(house, p_filter={"search": "nothing"}) == {}


def test_firings_are_counted_by_local_hour_when_clocks_change(
    house: House, decided: Callable[..., None]
) -> None:
    autumn = ("2026-10-25 00:00Z", "2026-10-25 00:59:59Z", "2026-10-25 01:30Z", "2026-10-25 02:00Z")
    for at in (*autumn, "2026-03-29 00:59Z", "2026-03-29 01:00Z", "2026-04-04 14:45Z", "2026-04-04 15:15Z"):
        decided("news", at, "fired")

    def hours(day: str, zone: str) -> dict[str, int]:
        night = {"p_from": f"{day}T12:00:00Z", "p_until": f"{day[:8]}{int(day[8:]) + 1:02}T12:00:00Z"}
        counted = month(house, **night, p_unit="hour", p_zone=zone)
        return {at[8:]: count for (at, _), count in counted.items()}

    assert hours("2026-10-24", "Europe/Berlin") == {"25T02": 3, "25T03": 1}
    assert hours("2026-03-28", "Europe/Berlin") == {"29T01": 1, "29T03": 1}
    # Their clocks go back by half an hour.
    assert hours("2026-04-04", "Australia/Lord_Howe") == {"05T01": 2}


def test_a_stretch_is_shared_out_over_its_days(house: House, decided: Callable[..., None]) -> None:
    decided("news", "2026-10-31 00:00Z", "missed", "2026-11-03 23:00Z", 96)
    assert month(house) == {(f"2026-11-0{day}T00", "missed"): 24 for day in (1, 2, 3)}


def test_what_is_planned_is_counted_from_now_on() -> None:
    shown = calendar("month", "2026-11-20", "Europe/Berlin", NOW)
    row = {
        "name": "news", "cron": "0 9 * * *", "every": None, "anchor": None, "run_at": None, "timezone": "Europe/Berlin",
        "dst_gap": "run_after", "dst_overlap": "first", "starts_at": None, "ends_at": None, "exclude": ["sat"],
        "created_at": "2026-01-01T00:00:00Z", "paused_until": None, "runs_left": 10,
    }  # fmt: skip
    broken = {**row, "name": "broken", "cron": "61 * * * *"}
    fill(shown, [], [row, broken], "UTC", NOW)
    days = [cell.day.day for cell in shown.cells if cell.counts]
    assert days == [16, 17, 18, 19, 20, 22, 23, 24, 25, 26]
    assert [len(shown.cells) % 7, shown.cells[0].day.weekday(), shown.title] == [0, 0, "November 2026"]


@pytest.mark.parametrize(
    ("day", "hours"),
    [("2026-10-25", 24), ("2026-03-29", 23), ("2026-06-01", 24), ("nonsense", 24), ("9999-12-31", 24)],
)
def test_a_day_has_the_hours_that_clocks_show(day: str, hours: int) -> None:
    shown = calendar("day", day, "Europe/Berlin", NOW)
    assert len(shown.cells) == hours
    assert all(
        earlier.end == later.begin for earlier, later in zip(shown.cells, shown.cells[1:], strict=False)
    )
    whole = shown.end.astimezone(UTC) - shown.begin.astimezone(UTC)
    assert whole in (timedelta(hours=23), timedelta(hours=24), timedelta(hours=25))


def test_the_pages_lead_from_month_to_day_and_to_the_reason(
    house: House, decided: Callable[..., None], sql: Sql
) -> None:
    decided("news", "2026-11-04 09:00Z", "missed")
    sql("update hourhand.scheduled_jobs set next_run_at = '2030-05-05 09:00Z' returning 1")
    person = house.person("viewer")
    page = html.unescape(person.get("/calendar?day=2026-11-10").text)
    assert "<b>1</b> missed" in page
    assert 'class="g-missed"' in page
    day = html.unescape(person.get("/calendar?view=day&day=2026-11-04").text)
    assert "/schedules/news?at=2026-11-04T09" in day
    assert "planned" in html.unescape(person.get("/calendar?view=week&day=2030-05-05").text)
    assert ">news</a>" in person.get("/calendar?view=day&day=2030-05-05").text


@pytest.mark.parametrize(
    "query", ["view=x&day=y", "day=0001-01-01", "day=9999-12-31", "search=%00", "view=day&search=<b>"]
)
def test_odd_questions_break_nothing(house: House, query: str) -> None:
    answer = house.person("viewer").get(f"/calendar?{query}")
    assert answer.status_code in (200, 422)
    assert '<b>"' not in answer.text


# --- Fleets ---


@pytest.fixture
def person(house: House, add_schedule: Callable[..., int]) -> Person:
    add_schedule("feeds", rank_intervals={"81": 86400, "1": 432000, "limit": 50})
    return house.person("operator")


def items(house: House) -> dict[str, Any]:
    answer = house.transport.call("list_items", {"p_schedule": "feeds"})
    return {item["item"]: item for item in answer["items"]}


def test_items_are_set_ranked_and_removed(house: House, person: Person) -> None:
    assert ">feeds</a>" in person.get("/fleets").text
    sent = {"item": "<b>a</b>", "rank": "90", "due": "2030-01-01T00:00", "payload": '{"url": 1}'}
    answer = person.post("/fleet/1/set", **sent, chosen_search="b")
    assert (answer.status_code, answer.headers["location"]) == (303, "/fleets/feeds?search=b")
    made = items(house)["<b>a</b>"]
    assert (made["rank"], made["payload"], made["next_run_at"]) == (
        90,
        {"url": 1},
        "2030-01-01T00:00:00+00:00",
    )
    person.post("/fleet/1/set", item="<b>a</b>", rank="10")
    assert items(house)["<b>a</b>"]["rank"] == 10
    page = person.get("/fleets/feeds").text
    assert "&lt;b&gt;a" in page
    assert "81–100" in page
    assert person.post("/fleet/1/remove", item="<b>a</b>").status_code == 303
    assert items(house) == {}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"item": "a", "rank": "101"},
        {"item": "a", "payload": "{"},
        {"item": "a", "due": "soon"},
        {"item": "a\n"},
    ],
)
def test_an_item_that_cannot_be_is_refused(house: House, person: Person, fields: dict[str, str]) -> None:
    status = person.post("/fleet/1/set", **fields).status_code
    assert (status, items(house)) == (422, {}) or fields.get("item") == "a\n"
    assert person.post("/fleet/1/remove", item="unknown").status_code == 404
    assert person.post("/fleet/1/remove").status_code == 422
    assert house.person("viewer").post("/fleet/1/set", item="a").status_code == 403


def test_a_schedule_that_is_no_fleet_has_no_items(house: House, add_schedule: Callable[..., int]) -> None:
    add_schedule("plain")
    assert house.person("viewer").get("/fleets/plain").status_code == 422
    assert house.person("viewer").get("/fleets/unknown").status_code == 404
