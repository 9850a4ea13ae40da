"""The runs: their list, the page of one, and what can be done with them."""

import html
from collections.abc import Callable
from typing import Any

import pytest

from hourhand_admin.web.pages.run import timeline
from tests.admin.house import House, Person
from tests.sql.conftest import Hand

Sql = Callable[..., list[Any]]
Enqueue = Callable[..., int]
Hands = Callable[..., Hand]

EVIL = "<script>alert(1)</script>"
ERROR = {"class": "ValueError", "message": f"no {EVIL}", "traceback": f"Traceback …\n  {EVIL}"}


@pytest.fixture
def person(house: House) -> Person:
    return house.person("operator")


@pytest.fixture
def failed(enqueue: Enqueue, hand: Hands) -> Callable[..., int]:
    """Makes a run that has failed; its id."""

    def failed(**params: Any) -> int:
        run_id = enqueue(**params)
        worker = hand(params.get("task", "task"))
        worker.finish(*worker.runs(1), outcome="failed", error=ERROR, duration_ms=30)
        return run_id

    return failed


def run(house: House, run_id: int) -> Any:
    return house.transport.call("get_run", {"p_run_id": run_id})


def text(person: Person, path: str, **query: Any) -> str:
    answer = person.get(path, **query)
    assert answer.status_code == 200, answer.text
    return html.unescape(answer.text)


# --- One run ---


def test_the_page_of_a_run_shows_all_about_it_and_runs_no_script_of_its_payload_or_error(
    person: Person, failed: Callable[..., int]
) -> None:
    run_id = failed(payload={"text": EVIL})
    page = person.get(f"/runs/{run_id}").text
    assert EVIL not in page
    shown = html.unescape(page)
    assert f"no {EVIL}" in shown
    assert f'"text": "{EVIL}"' in shown
    for word in (
        "Facts",
        "Timeline",
        "Planned",
        "Inserted",
        "Claimed",
        "Finished",
        "Attempt 1",
        "ValueError",
    ):
        assert word in shown, word


def test_the_gaps_of_a_timeline_are_named() -> None:
    times = ("scheduled_for", "created_at", "claimed_at", "started_at", "finished_at")
    row: dict[str, Any] = {name: f"2026-01-01T00:00:0{place}Z" for place, name in enumerate(times)}
    found = timeline({**row, "run_at": row["scheduled_for"], "attempt": 1})
    assert [(step.name, step.seconds, step.spent) for step in found] == [
        ("Planned", None, ""),
        ("Inserted", 1, "until it was inserted"),
        ("Claimed", 1, "waiting for a worker"),
        ("Started", 1, "from claim to start"),
        ("Finished", 1, "running"),
    ]
    later = {
        **row,
        "scheduled_for": None,
        "run_at": "2026-01-01T00:00:01.5Z",
        "started_at": None,
        "attempt": 2,
    }
    assert [(step.name, step.seconds, step.spent) for step in timeline(later)] == [
        ("Inserted", None, ""),
        ("Planned", 0.5, "until its time"),
        ("Claimed", 0.5, "with the attempts before"),
        ("Finished", 2, "until it ended"),
    ]


def test_a_run_that_is_not_there_is_not_found(person: Person) -> None:
    assert [person.get(f"/runs/{it}").status_code for it in (99, "99/log.txt", 0, 2**63, "x")] == [
        404, 404, 422, 422, 422,
    ]  # fmt: skip
    assert [person.post(f"/runs/99/{what}").status_code for what in ("retry", "cancel")] == [404, 404]


def test_the_log_is_shown_and_downloaded_as_text(
    house: House, person: Person, enqueue: Enqueue, hand: Hands
) -> None:
    run_id = enqueue()
    worker = hand("task")
    [held] = worker.runs(1)
    line = {
        "run_id": run_id,
        "token": held["token"],
        "attempt": 1,
        "level": "INFO",
        "at": "2026-01-01T00:00Z",
    }
    lines = [{**line, "seq": number, "message": f"line {number} {EVIL}"} for number in range(1, 1102)]
    for some in (lines[:1000], lines[1000:]):
        house.transport.call("append_logs", {"p_session": worker.session, "p_logs": some})
    shown = text(person, f"/runs/{run_id}")
    assert "The last 300 lines." in shown
    assert "line 1101 " in shown
    assert "line 801 " not in shown
    answer = person.get(f"/runs/{run_id}/log.txt")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert "attachment" in answer.headers["content-disposition"]
    assert [each.split()[4] for each in answer.text.splitlines()] == [str(n) for n in range(1, 1102)]


def test_a_run_is_retried_with_its_payload_or_another_once_for_a_form(
    house: House, person: Person, failed: Callable[..., int]
) -> None:
    run_id = failed(payload={"a": 1})
    form = {"payload": '{\r\n  "a": 1\r\n}', "request_id": "00000000-0000-0000-0000-000000000001"}
    first = person.post(f"/runs/{run_id}/retry", **form)
    again = person.post(f"/runs/{run_id}/retry", **form)
    assert (first.status_code, again.status_code) == (303, 303)
    assert first.headers["location"] == again.headers["location"]
    made = run(house, int(first.headers["location"].rpartition("/")[2]))
    assert (made["retry_of"], made["payload"], made["trigger"]) == (run_id, {"a": 1}, "retry")
    other = person.post(f"/runs/{run_id}/retry", payload='{"a": 2}')
    assert run(house, int(other.headers["location"].rpartition("/")[2]))["payload"] == {"a": 2}
    assert "Retried by" in text(person, f"/runs/{run_id}")


@pytest.mark.parametrize("written", ["{", "3", '{"a": NaN}', '{"a": "\\u0000"}', "[" * 5000, EVIL])
def test_a_payload_that_is_none_comes_back_with_what_is_wrong(
    house: House, person: Person, failed: Callable[..., int], written: str
) -> None:
    run_id = failed()
    answer = person.post(f"/runs/{run_id}/retry", payload=written)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert html.escape(written, quote=False) in answer.text or html.escape(written) in answer.text.replace(
        "&#34;", "&quot;"
    )
    assert EVIL not in answer.text
    assert run(house, run_id)["retries"] == []


def test_a_payload_that_does_not_fit_its_task_is_refused(
    house: House, person: Person, enqueue: Enqueue, hand: Hands
) -> None:
    run_id = enqueue(payload={"a": 1})
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    worker = hand("task", schema=schema)
    worker.finish(*worker.runs(1))
    answer = person.post(f"/runs/{run_id}/retry", payload='{"a": "x"}')
    assert answer.status_code == 422
    assert "does not fit task task" in answer.text


def test_a_run_that_has_not_ended_is_not_retried(person: Person, enqueue: Enqueue, hand: Hands) -> None:
    run_id = enqueue()
    hand("task").runs(1)
    answer = person.post(f"/runs/{run_id}/retry")
    assert answer.status_code == 409
    assert f"run {run_id} is not finished yet" in answer.text
    assert f"<h1>Run {run_id} " in answer.text


def test_runs_are_cancelled_with_a_reason(
    house: House, person: Person, enqueue: Enqueue, hand: Hands
) -> None:
    run_id = enqueue()
    assert person.post(f"/runs/{run_id}/cancel", reason=EVIL).status_code == 303
    assert (run(house, run_id)["status"], run(house, run_id)["cancel_reason"]) == ("cancelled", EVIL)
    page = person.get(f"/runs/{run_id}").text
    assert EVIL not in page
    assert f"Run {run_id} is cancelled." in page
    assert person.post(f"/runs/{run_id}/cancel").status_code == 303
    assert "had ended before: it is cancelled" in text(person, f"/runs/{run_id}")
    running = enqueue()
    hand("task").runs(1)
    person.post(f"/runs/{running}/cancel")
    assert "is told to stop by its worker" in text(person, f"/runs/{running}")


def test_who_only_looks_is_offered_no_action(house: House, failed: Callable[..., int]) -> None:
    run_id = failed()
    viewer = house.person("viewer")
    assert 'id="retry"' not in viewer.get(f"/runs/{run_id}").text
    assert viewer.post(f"/runs/{run_id}/retry").status_code == 403
