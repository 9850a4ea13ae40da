"""Schedules are created and edited by forms, which say what is wrong and lose nothing that was typed."""

import html
import re
from collections.abc import Callable
from typing import Any, Literal

import httpx
import pytest
from pydantic import BaseModel, Field

from tests.admin.house import House, Person
from tests.sql.conftest import Hand


class Place(BaseModel):
    city: str


class Feed(BaseModel):
    url: str = Field(description="Where it is.")
    limit: int = Field(50, ge=1, le=500)
    mode: Literal["fast", "full"] = "fast"
    deep: bool = False
    note: str | None = None
    place: Place | None = None


@pytest.fixture
def person(house: House, hand: Callable[..., Hand]) -> Person:
    """An operator, in a house where a worker knows a task with a schema."""
    hand("ingest", schema=Feed.model_json_schema(), description="Fetches a feed.")
    return house.person("operator")


def shown(answer: httpx.Response) -> dict[str, str]:
    """The values of the form's fields."""
    text = answer.text
    found = {
        match[1]: match[2]
        for match in re.finditer(r'<input [^>]*?name="([^"]+)"[^>]*? value="([^"]*)"', text)
        if 'type="radio"' not in match[0]
    }
    kinds = re.search(r'name="kind" value="(\w+)" checked', text)
    chosen = re.finditer(r'<select id="[^"]+" name="([^"]+)".*?</select>', text, re.DOTALL)
    areas = re.finditer(r'<textarea [^>]*?name="([^"]+)"[^>]*>\n(.*?)</textarea>', text, re.DOTALL)
    found |= {match[1]: match[2] for match in areas}
    for match in chosen:
        option = re.search(r'value="([^"]*)" selected', match[0])
        found[match[1]] = option[1] if option else re.findall(r'value="([^"]*)"', match[0])[0]
    found["kind"] = kinds[1] if kinds else ""
    return {
        name: html.unescape(value) for name, value in found.items() if name not in ("csrf", "next", "zone")
    }


def save(person: Person, path: str, **fields: Any) -> httpx.Response:
    return person.post(path, step="save", **fields)


def edit(person: Person, schedule_id: int, **fields: Any) -> httpx.Response:
    """Open the form, change some of it and save."""
    path = f"/schedule/{schedule_id}/edit"
    return save(person, path, **{**shown(person.get(path)), **fields})


def schedule(house: House, name: str) -> Any:
    return house.transport.call("get_schedule", {"p_schedule": name})


NEWS = {"name": "news", "task": "ingest", "kind": "cron", "cron": "*/15 * * * *"}


def test_what_the_task_of_a_fleet_needs_may_come_from_the_items(house: House, person: Person) -> None:
    assert "this is needed" in save(person, "/schedule/new", **NEWS).text
    save(person, "/schedule/new", **NEWS, rank_intervals='{"1": "1d"}')
    assert schedule(house, "news")["rank_intervals"] == {"1": 86400}


def test_a_schedule_is_created_with_its_payload_from_fields(house: House, person: Person) -> None:
    page = person.get("/schedule/new?task=ingest").text
    assert "Where it is" in page
    assert 'name="payload.limit"' in page
    filled = {
        "payload.url": "https://x",
        "payload.limit": "5",
        "payload.deep": "true",
        "payload.place": '{"city": "Rome"}',
    }
    answer = save(
        person, "/schedule/new", **NEWS, **filled, timezone="Europe/Berlin", tags="a, b", jitter="10s"
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/schedules/news")
    made = schedule(house, "news")
    assert made["payload"] == {"url": "https://x", "limit": 5, "deep": True, "place": {"city": "Rome"}}
    assert (made["timezone"], made["tags"], made["jitter"]) == ("Europe/Berlin", ["a", "b"], 10)
    versions = house.transport.call("list_versions", {"p_schedule": "news"})["versions"]
    assert [version["actor"] for version in versions] == ["operator"]


def test_what_is_wrong_is_said_beside_its_field_and_nothing_typed_is_lost(
    house: House, person: Person
) -> None:
    wrong = {
        **NEWS, "cron": "61 * * * *", "timezone": "Mars/Olympus", "payload.limit": "501", "payload.place": "{",
        "jitter": "soon", "priority": "1000", "exclude": "someday", "starts_at": "tomorrow", "rank_intervals": "[]",
    }  # fmt: skip
    answer = save(person, "/schedule/new", **wrong)
    assert answer.status_code == 422
    for name in (
        "payload.limit",
        "payload.place",
        "payload.url",
        "jitter",
        "priority",
        "starts_at",
        "rank_intervals",
    ):
        assert f'<p id="h-{name}" class="hint wrong">' in answer.text, name
    assert shown(answer).items() >= wrong.items()
    assert house.transport.call("list_schedules")["schedules"] == []


@pytest.mark.parametrize(
    ("fields", "field", "told"),
    [
        ({"cron": "61 * * * *"}, "cron", "61"),
        ({"cron": "0 0 30 2 *"}, "cron", "never comes"),
        ({"cron": ""}, "cron", "needed"),
        ({"timezone": "EST"}, "timezone", "EST"),
        ({"exclude": "someday"}, "exclude", "someday"),
        ({"kind": "every", "every": "0"}, "every", "every"),
        ({"kind": "run_at", "run_at": "2001-01-01T00:00"}, "run_at", "never comes"),
        ({"kind": "run_at", "run_at": "2099-01-01T00:00Z"}, "run_at", "local time"),
        ({"starts_at": "2030-01-02", "ends_at": "2030-01-01"}, "ends_at", "starts_at"),
        ({"overlap": "dance"}, "overlap", "choices"),
        ({"payload.url": ""}, "payload.url", "needed"),
        ({"name": ""}, "name", "needed"),
    ],
)
def test_each_error_stands_at_its_field(
    person: Person, fields: dict[str, str], field: str, told: str
) -> None:
    answer = save(person, "/schedule/new", **{**NEWS, "payload.url": "x", **fields})
    assert answer.status_code == 422
    found = re.search(f'<a href="#f-{re.escape(field)}">.*?</a>: (.*?)</li>', answer.text)
    assert found is not None, answer.text
    assert told in html.unescape(found[1])


def test_what_only_the_database_refuses_is_told_too(house: House, person: Person) -> None:
    filled = {**NEWS, "payload.url": "x"}
    assert save(person, "/schedule/new", **filled, queue="q" * 101).status_code == 422
    assert save(person, "/schedule/new", **{**filled, "name": "n\x01"}).status_code == 422
    assert save(person, "/schedule/new", **filled).status_code == 303
    again = save(person, "/schedule/new", **filled, description="another")
    assert (again.status_code, "already" in again.text) == (409, True)


def test_the_forecast_tells_firings_in_both_zones_and_changes_of_the_clocks(person: Person) -> None:
    sent = {**NEWS, "cron": "30 2 * * *", "timezone": "Europe/Berlin", "mine": "Asia/Tokyo"}
    text = html.unescape(person.post("/schedule/preview", **sent).text)
    assert "At 02:30 every day" in text
    assert ">Europe/Berlin<" in text
    assert ">Asia/Tokyo<" in text
    assert text.count("02:30</td>") == 10
    assert re.search(r"20\d\d-03-\d\d in Europe/Berlin: 02:30 is skipped", text)
    assert re.search(r"20\d\d-10-\d\d in Europe/Berlin: 02:30 is repeated", text)


def test_the_forecast_says_when_runs_take_longer_than_the_time_between_them(
    house: House, person: Person, hand: Callable[..., Hand]
) -> None:
    worker = hand("slow")
    house.transport.call("enqueue", {"p_task": "slow"})
    [run] = worker.runs(1)
    worker.finish(run, started_at="2020-01-01T00:00:00Z", duration_ms=600_000)
    usual = house.transport.call("browse_task", {"p_task": "slow"})["usual"]
    text = person.post("/schedule/preview", kind="every", every="1s", task="slow").text
    assert ("its runs usually take" in text) == (usual > 1)


@pytest.mark.parametrize(
    "timing", [{"cron": "* * *"}, {"cron": "x" * 300}, {"kind": "every", "every": "-1"}, {}]
)
def test_a_forecast_of_nonsense_says_so(person: Person, timing: dict[str, str]) -> None:
    answer = person.post("/schedule/preview", **timing)
    assert answer.status_code == 200
    assert "Next firings" not in answer.text


def test_only_what_was_changed_is_changed(
    house: House, person: Person, add_schedule: Callable[..., int]
) -> None:
    fields = {
        "cron": "0 9 * * *", "timezone": "Europe/Berlin", "payload": {"url": "x", "more": 1}, "jitter": 1.5,
        "starts_at": "2026-01-01T00:00:00.123456Z", "exclude": ["sat"], "rank_intervals": {"1": 3600},
        "is_active": False, "pause_note": "later",
    }  # fmt: skip
    schedule_id = add_schedule("news", task="ingest", **fields)
    before = schedule(house, "news")
    assert edit(person, schedule_id).status_code == 303
    after = schedule(house, "news")
    assert {**after, "now": 0} == {**before, "now": 0}
    assert edit(person, schedule_id, cron="0 10 * * *", description="new").status_code == 303
    after = schedule(house, "news")
    changed = {name for name in before if before[name] != after[name]} - {"now", "updated_at", "revision"}
    assert changed == {"cron", "description"}


def test_another_kind_of_timing_takes_the_place_of_the_one_before(
    house: House, person: Person, add_schedule: Callable[..., int]
) -> None:
    schedule_id = add_schedule("news", cron="0 9 * * *")
    assert edit(person, schedule_id, kind="every", every="15m", name="fresh").status_code == 303
    after = schedule(house, "fresh")
    assert (after["id"], after["cron"], after["every"]) == (schedule_id, None, 900)


def test_who_comes_second_sees_what_the_first_has_changed_before_it_is_overwritten(
    house: House, person: Person, add_schedule: Callable[..., int]
) -> None:
    schedule_id = add_schedule("news", cron="0 9 * * *")
    path = f"/schedule/{schedule_id}/edit"
    mine, theirs = shown(person.get(path)), shown(person.get(path))
    assert save(person, path, **{**theirs, "description": "theirs"}).status_code == 303
    refused = save(person, path, **{**mine, "cron": "0 10 * * *"})
    assert refused.status_code == 409
    assert "Somebody else has changed this schedule" in refused.text
    assert "<del>theirs</del>" in refused.text
    assert schedule(house, "news")["cron"] == "0 9 * * *"
    assert save(person, path, **shown(refused)).status_code == 303
    assert schedule(house, "news")["cron"] == "0 10 * * *"


def test_the_database_refuses_what_was_read_before_a_change(
    house: House, add_schedule: Callable[..., int]
) -> None:
    from hourhand.errors import Conflict

    add_schedule("news")
    read = schedule(house, "news")["updated_at"]
    wanted = {"name": "news", "updated_at": read, "description": "first"}
    house.transport.call("put_schedule", {"p_schedule": wanted, "p_mode": "update"})
    with pytest.raises(Conflict, match="meanwhile"):
        house.transport.call(
            "put_schedule", {"p_schedule": {**wanted, "description": "second"}, "p_mode": "update"}
        )


def test_a_payload_can_be_written_as_json_and_back(person: Person) -> None:
    filled = {**NEWS, "payload.url": "x", "payload.limit": "7"}
    written = shown(person.post("/schedule/new", step="json", **filled))
    assert '"limit": 7' in written["payload"]
    assert written["payload_as"] == "json"
    back = shown(person.post("/schedule/new", step="fields", **written))
    assert (back["payload.url"], back["payload.limit"], back["payload_as"]) == ("x", "7", "fields")


def test_what_was_typed_survives_another_task(house: House, person: Person) -> None:
    answer = person.post("/schedule/new", step="task", **{**NEWS, "task": "unknown", "payload.url": "x"})
    assert '"url": "x"' in shown(answer)["payload"]
    assert "No worker has registered a task of this name yet" in answer.text


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }}"]
)
def test_what_is_typed_is_shown_and_never_run(person: Person, text: str) -> None:
    answer = save(person, "/schedule/new", **dict.fromkeys((*NEWS, "payload.url", "timezone", "tags"), text))
    assert answer.status_code == 422
    assert "<script>alert" not in answer.text
    assert "<img" not in answer.text
    assert shown(answer)["name"] == text


def test_a_form_without_end_is_refused(person: Person) -> None:
    many = {f"payload.k{number}": "x" for number in range(5000)}
    assert save(person, "/schedule/new", **NEWS, **many).status_code in (400, 413, 422)
    assert save(person, "/schedule/new", **{**NEWS, "description": "x" * 400_000}).status_code == 422
    assert (
        save(person, "/schedule/new", **{**NEWS, "payload_as": "json", "payload": "[" * 100_000}).status_code
        == 422
    )


def test_forms_are_for_operators_and_take_their_token(house: House, person: Person) -> None:
    assert house.person("viewer").get("/schedule/new").status_code == 403
    assert person.http.post("/schedule/new", data={**NEWS, "step": "save"}).status_code == 403
