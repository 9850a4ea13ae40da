"""Whoever fills in a form wrongly sees it once more, without JavaScript too: as it was, and what is wrong where."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import httpx
import pytest

from tests.admin.house import House
from tests.admin.test_access import log_in
from tests.admin.test_schedule_form import Feed
from tests.sql.conftest import Hand

REFUSED = [
    # where it is sent, the field that is wrong and how, what is said there, and what else was filled in
    ("/schedule/1/trigger", "payload", "[1,", "not JSON at line 1, column 4", {}),
    ("/schedule/1/trigger", "payload", '{"limit": 3}', "", {}),
    ("/schedule/1/pause", "until", "tomorrow", "'tomorrow' is not a date and time", {"note": "the move"}),
    ("/schedule/1/pause", "until", "2001-01-01T00:00", "", {"note": "the move"}),
    ("/fleet/2/set", "rank", "101", "a whole number from 1 to 100", {"item": "acme", "owner": "ann"}),
    ("/fleet/2/set", "payload", "{", "not JSON at line 1", {"item": "acme", "due": "now"}),
    ("/fleet/2/set", "due", "soon", "'soon' is not a date and time", {"item": "acme", "rank": "7"}),
    ("/queues/default/limit", "rate", "fast", "runs per second are wanted", {"concurrency": "3"}),
    ("/queues/default/limit", "burst", "5", "it goes with a rate", {"concurrency": "3"}),
    ("/queues/default/limit", "concurrency", "0", "a whole number from 1", {"rate": "2.5"}),
    ("/settings/tokens", "expires", "a while", "'a while' is not a duration", {"name": "ci", "role": "operator"}),
    ("/settings/tokens", "expires", "0s", "a time from now is wanted", {"name": "ci"}),
    ("/settings/users", "name", "admin", "there is a user 'admin' already", {"role": "operator"}),
]  # fmt: skip


@pytest.fixture
def lived_in(house: House, hand: Callable[..., Hand], add_schedule: Callable[..., int]) -> House:
    hand("task", schema=Feed.model_json_schema())
    add_schedule("news", task="task", payload={"url": "x"})
    add_schedule("fleet", task="task", every="1 hour", rank_intervals={"1": "1d"}, payload={"url": "x"})
    house.add_user("admin", "admin")
    return house


def test_a_refused_form_keeps_what_was_filled_in_and_says_at_the_field_what_is_wrong(lived_in: House) -> None:
    admin = lived_in.person("admin")
    for path, field, wrong, told, others in REFUSED:
        answer = admin.post(path, **others, **{field: wrong})
        assert answer.status_code in (409, 422), path
        form = the_form(answer, path)
        assert {name: typed(form, name) for name in others} == others, path
        assert typed(form, field) == wrong, path
        if told:
            assert told in at_the_field(form, field), path
        assert 'role="alert"' in form, path


def test_a_password_is_not_sent_back(lived_in: House) -> None:
    answer = lived_in.person("admin").post("/settings/users", name="ann", role="viewer", password="short7!")
    assert answer.status_code == 422
    assert "short7!" not in answer.text
    assert "8 to 1000 characters are wanted" in at_the_field(the_form(answer, "/settings/users"), "password")
    assert typed(the_form(answer, "/settings/users"), "name") == "ann"


def test_a_filter_that_makes_no_sense_is_shown_with_what_is_wrong(lived_in: House) -> None:
    viewer = lived_in.person("viewer")
    for field, wrong, told in (
        ("ids", "12 a", "1 to 1000 numbers of runs are wanted"),
        ("since", "yesterday", "'yesterday' is not a date and time"),
        ("schedule", "nothing", "there is no schedule"),
    ):
        answer = viewer.get("/runs", **{field: wrong, "task": "news"})
        assert answer.status_code in (404, 422)
        assert typed(answer.text, field) == wrong
        assert typed(answer.text, "task") == "news"
        assert told in unescape(answer.text)


def test_what_was_filled_in_outlives_the_login(lived_in: House, sql: Any) -> None:
    person = lived_in.person("operator", "ann")
    sent = {
        "kind": "every",
        "name": "kept",
        "task": "t",
        "every": "1h",
        "description": '"<b>',
        "step": "save",
    }
    sql("delete from hourhand_parts.admin_logins returning 1")
    answer = person.post("/schedule/new", **sent)
    assert (answer.status_code, "Your login is over." in answer.text) == (401, True)
    assert hidden(answer) == sent
    anew = lived_in.person("operator", "ann")
    answer = anew.post("/schedule/new", **hidden(answer), csrf="that of the login before")
    assert (answer.status_code, hidden(answer)) == (403, sent)
    assert anew.post("/schedule/new", **hidden(answer)).status_code == 303
    assert lived_in.transport.call("get_schedule", {"p_schedule": "kept"})["description"] == '"<b>'


def test_nothing_of_another_site_and_no_password_is_offered_once_more(lived_in: House) -> None:
    for person in (lived_in.person(None), lived_in.person("admin", "ann")):
        foreign = {"origin": "https://evil.example"}
        answer = person.http.post("/schedule/new", data={"name": "planted"}, headers=foreign)
        assert "planted" not in answer.text
        answer = person.post("/settings/users", name="x", password="secret", csrf="x")
        assert (answer.status_code in (303, 403), "secret" in answer.text) == (True, False)


def test_a_wrong_login_keeps_the_name(lived_in: House) -> None:
    answer = log_in(lived_in.person(None), "ann", "wrong")
    assert typed(answer.text, "name") == "ann"


def hidden(answer: httpx.Response) -> dict[str, str]:
    """What its form keeps, besides its token."""
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', answer.text.split("<main")[1])
    return {name: unescape(text) for name, text in found if name != "csrf"}


def the_form(answer: httpx.Response, path: str) -> str:
    """That which is sent there and is not folded: its page opens it."""
    forms = re.findall(
        rf'<details[^>]* open>(?:(?!</?details).)*?<form[^>]*action="{path}".*?</form>', answer.text, re.S
    )
    assert len(forms) == 1, f"{path}: {len(forms)} open forms"
    return str(forms[0])


def typed(form: str, name: str) -> str:
    if found := re.search(rf'<textarea[^>]* name="{name}"[^>]*>\n(.*?)</textarea>', form, re.S):
        return unescape(found[1])
    if found := re.search(rf'<select[^>]* name="{name}".*?<option value="([^"]*)" selected>', form, re.S):
        return unescape(found[1])
    found = re.search(rf'<input (?![^>]*type="hidden")[^>]*name="{name}"[^>]* value="([^"]*)"', form)
    assert found, f"no field {name}"
    return unescape(found[1])


def at_the_field(form: str, name: str) -> str:
    field = re.search(rf'<(?:input|textarea)[^>]* name="{name}"[^>]*>', form)
    assert field
    assert 'aria-invalid="true"' in field[0]
    described = re.search(r'aria-describedby="([^"]+)"', field[0])
    assert described
    note = re.search(rf'<p id="{described[1]}"[^>]*>(.*?)</p>', form, re.S)
    assert note
    return unescape(note[1])
