"""The page of a schedule, and what can be done there."""

import html
import re
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests.admin.house import House, Person
from tests.sql.conftest import Hand

Sql = Callable[..., list[Any]]


@pytest.fixture
def person(house: House) -> Person:
    return house.person("operator")


def schedule(house: House, name: str) -> Any:
    return house.transport.call("get_schedule", {"p_schedule": name})


def text(person: Person, path: str, **query: str) -> str:
    answer = person.get(path, **query)
    assert answer.status_code == 200, answer.text
    return html.unescape(answer.text)


def made_long_ago(sql: Sql, name: str, days: int = 10) -> None:
    sql(
        "update hourhand.scheduled_jobs set created_at = created_at - make_interval(days => %s),"
        " next_run_at = now() + interval '1 day' where name = %s returning 1",
        days,
        name,
    )


@pytest.mark.parametrize("name", ["a/b", "new", "ü & <b>", "7/edit", "?x=1#y", "..", "%2F"])
def test_every_schedule_has_a_page_whatever_it_is_called(
    house: House, person: Person, add_schedule: Callable[..., int], name: str
) -> None:
    add_schedule(name)
    page = person.get(f"/schedules/{quote(name, safe='')}" if name != ".." else "/schedules/1")
    assert page.status_code == 200
    assert f"<h1>{html.escape(name)}</h1>" in page.text


def test_what_is_done_on_a_page_is_done_to_its_schedule_and_to_none_that_is_called_like_its_id(
    house: House, person: Person, add_schedule: Callable[..., int], sql: Sql
) -> None:
    victim = add_schedule("victim")
    add_schedule(str(victim))
    person.post(f"/schedule/{victim}/pause", note="", until="")
    assert sql("select name from hourhand.scheduled_jobs where not is_active") == [("victim",)]
    person.post(f"/schedule/{victim}/resume")
    person.post(f"/schedule/{victim}/trigger", request_id=str(uuid.uuid4()))
    assert sql("select schedule_id from hourhand.job_runs") == [(victim,)]
    for path in ("edit", "versions", "backfill"):
        assert "victim" in text(person, f"/schedule/{victim}/{path}")
    person.post(f"/schedule/{victim}/delete")
    assert sql("select name from hourhand.scheduled_jobs") == [(str(victim),)]


def test_the_page_says_active_next_run_and_history(
    house: House, person: Person, add_schedule: Callable[..., int], hand: Callable[..., Hand]
) -> None:
    add_schedule("news", cron="0 9 * * *", timezone="Europe/Berlin", jitter=10, tags=["a"])
    worker = hand("task")
    for outcome in ("completed", "failed"):
        house.transport.call("trigger_schedule", {"p_schedule": "news"})
        worker.finish(*worker.runs(1), outcome=outcome, error={"message": "<b>no</b>"}, duration_ms=30)
    page = text(person, "/schedules/news")
    assert all(f">{word}<" in page for word in ("Active", "Next run", "History", "Next runs"))
    assert (
        "The last 2 runs: 1 completed, 1 failed." in page or "The last 2 runs: 1 completed, 1 pending" in page
    )
    assert "At 09:00 every day" in page
    assert "No scheduler is running" in page


def test_it_is_paused_with_a_note_until_a_local_time_and_resumed(
    house: House, person: Person, add_schedule: Callable[..., int]
) -> None:
    number = add_schedule("news", timezone="Asia/Tokyo")
    answer = person.post(f"/schedule/{number}/pause", until="2099-01-01T09:00", note="<i>moving</i>")
    assert (answer.status_code, answer.headers["location"]) == (303, "/schedules/news")
    paused = schedule(house, "news")
    assert (paused["paused_until"], paused["pause_note"]) == ("2099-01-01T00:00:00+00:00", "<i>moving</i>")
    assert "&lt;i&gt;moving" in person.get("/schedules/news").text
    person.post(f"/schedule/{number}/resume")
    assert schedule(house, "news")["paused_until"] is None
    assert person.post(f"/schedule/{number}/pause").status_code == 303
    assert schedule(house, "news")["is_active"] is False


@pytest.mark.parametrize("until", ["soon", "2001-01-01T00:00", "99999-01-01T00:00"])
def test_a_pause_until_no_time_to_come_is_refused(
    person: Person, add_schedule: Callable[..., int], until: str
) -> None:
    assert person.post(f"/schedule/{add_schedule('news')}/pause", until=until).status_code == 422


def test_it_is_triggered_once_however_often_the_form_is_sent(
    house: House, person: Person, add_schedule: Callable[..., int]
) -> None:
    number, request = add_schedule("news", payload={"a": 1}), str(uuid.uuid4())
    for _ in range(2):
        assert person.post(f"/schedule/{number}/trigger", request_id=request).status_code == 303
    person.post(f"/schedule/{number}/trigger", payload='{"a": 2}')
    runs = house.transport.call("list_runs")["runs"]
    payloads = [house.transport.call("get_run", {"p_run_id": run["id"]})["payload"] for run in runs]
    assert payloads == [{"a": 2}, {"a": 1}]


@pytest.mark.parametrize("payload", ["{", "1", "NaN", '{"a": 1e5000}', "[" * 100_000])
def test_a_payload_that_is_none_is_refused(
    house: House, person: Person, add_schedule: Callable[..., int], payload: str
) -> None:
    assert person.post(f"/schedule/{add_schedule('news')}/trigger", payload=payload).status_code == 422
    assert house.transport.call("list_runs")["runs"] == []


def test_it_is_deleted_by_whoever_may(house: House, person: Person, add_schedule: Callable[..., int]) -> None:
    number = add_schedule("news")
    assert house.person("viewer").post(f"/schedule/{number}/delete").status_code == 403
    assert person.http.post(f"/schedule/{number}/delete").status_code == 403
    assert person.post(f"/schedule/{number}/delete").headers["location"] == "/schedules"
    assert person.get("/schedules/news").status_code == 404
    assert person.post(f"/schedule/{number}/delete").status_code == 404


def test_a_viewer_sees_it_all_and_no_button(house: House, add_schedule: Callable[..., int]) -> None:
    add_schedule("news")
    page = text(house.person("viewer"), "/schedules/news")
    assert "History" in page
    assert not [action for action in ("/trigger", "/pause", "/delete", "/edit") if action in page]


def test_it_explains_why_a_firing_did_not_run(
    house: House, person: Person, add_schedule: Callable[..., int], sql: Sql
) -> None:
    number = add_schedule("news", cron="0 9 * * *", timezone="Europe/Berlin")
    made_long_ago(sql, "news", 1000)
    sql(
        "insert into hourhand.schedule_firings (schedule_id, scheduled_for, decision, reason, decided_at)"
        " select %s, (date_trunc('day', now()) - interval '2 days' + interval '9 hours') at time zone 'UTC'"
        " at time zone 'Europe/Berlin', 'skipped_overlap', 'run 5 had not ended', now() returning 1",
        number,
    )
    page = text(person, "/schedules/news")
    [at] = re.findall(r'href="/schedules/news\?at=([^"#]+)#why"', page)
    assert "it was skipped, because run 5 had not ended" in html.unescape(
        person.get(f"/schedules/news?at={at}").text
    )
    assert "this is not one of its times" in text(person, "/schedules/news", at="2026-01-01T09:01")
    for typed in ("09:01", "Yesterday 09:01", " today 09:01 "):
        assert "this is not one of its times" in text(person, "/schedules/news", at=typed)
    for nonsense in ("yesterday", "9999-12-31T23:59:59", "<script>"):
        assert "<script>" not in person.get("/schedules/news", at=nonsense).text.split("<main")[1]


def test_a_broken_schedule_has_a_page_that_says_what_is_wrong(
    house: House, person: Person, add_schedule: Callable[..., int], sql: Sql
) -> None:
    number = add_schedule("news", cron="61 * * * *", timezone="Mars/Olympus")
    sql("update hourhand.scheduled_jobs set error = 'no such zone' where id = %s returning 1", number)
    for query in ({}, {"at": "2026-01-01T00:00"}):
        assert "no such zone" in text(person, "/schedules/news", **query)
    assert person.get(f"/schedule/{number}/edit").status_code == 200
    assert person.get(f"/schedule/{number}/backfill?from=2026-01-01").status_code == 200
    assert "no such zone" in text(person, "/schedules", state="broken")


def test_versions_show_what_was_changed_and_by_whom_and_can_be_restored(
    house: House, person: Person, add_schedule: Callable[..., int]
) -> None:
    number = add_schedule("news", cron="0 9 * * *", payload={"a": 1})
    changed = {"name": "news", "cron": "0 10 * * *", "jitter": 90, "payload": {"a": 2}, "new_name": "fresh"}
    house.transport.call(
        "act_as",
        {
            "p_actor": "eve",
            "p_function": "put_schedule",
            "p_params": {"p_schedule": changed, "p_mode": "update"},
        },
    )
    person.post(f"/schedule/{number}/pause")
    page = text(person, f"/schedule/{number}/versions")
    assert "Changed by eve" in page
    assert "Paused or resumed by operator" in page
    assert "<del>0 9 * * *</del> <ins>0 10 * * *</ins>" in page
    assert "<ins>1m30s</ins>" in page
    [version] = re.findall(rf"/schedule/{number}/edit\?version=(\d+)", page)[-1:]
    form = person.get(f"/schedule/{number}/edit?version={version}")
    assert "<del>0 10 * * *</del> <ins>0 9 * * *</ins>" in form.text
    from tests.admin.test_schedule_form import save, shown

    assert save(person, f"/schedule/{number}/edit", **shown(form)).status_code == 303
    after = schedule(house, "news")
    assert (after["cron"], after["jitter"], after["payload"], after["is_active"]) == (
        "0 9 * * *",
        None,
        {"a": 1},
        False,
    )
    assert person.get(f"/schedule/{number}/edit?version=999999").status_code == 404


def test_a_backfill_says_what_would_run_and_runs_that(
    house: House, person: Person, add_schedule: Callable[..., int], sql: Sql
) -> None:
    number = add_schedule("news", cron="0 * * * *")
    made_long_ago(sql, "news")
    path = f"/schedule/{number}/backfill"
    span = {"from": "2026-01-01T00:00", "to": "2026-01-01T02:30"}
    assert "3 firings would run" in text(person, path, **span)
    assert house.transport.call("list_runs")["runs"] == []
    assert person.post(path, **span).status_code == 303
    runs = house.transport.call("list_runs")["runs"]
    assert [run["trigger"] for run in runs] == ["backfill"] * 3
    assert "0 firings would run" in text(person, path, **span)
    assert person.post(path, **span).status_code == 303
    assert len(house.transport.call("list_runs")["runs"]) == 3


@pytest.mark.parametrize(
    "span",
    [
        {"from": "x"},
        {"from": "2026-01-02", "to": "2026-01-01"},
        {"from": "2026-01-01", "limit": "-1"},
        {"from": "0001-01-01"},
    ],
)
def test_a_backfill_that_cannot_be_is_refused(
    person: Person, add_schedule: Callable[..., int], span: dict[str, str]
) -> None:
    path = f"/schedule/{add_schedule('news', cron='* * * * * *')}/backfill"
    assert "firings would run" not in text(person, path, **span)
    assert person.post(path, **span).status_code == 422
