"""The runs: their list, the page of one, and what can be done with them."""

import csv
import html
import io
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from hourhand.errors import Unavailable
from hourhand_admin.web.pages import runs as runs_page
from hourhand_admin.web.pages.run import timeline
from hourhand_admin.web.pages.runs import as_csv
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


# --- All of them ---


def listed(page: str) -> list[int]:
    return [int(found) for found in re.findall(r'<td class="num"><a href="/runs/(\d+)"', page)]


def meant(page: str) -> dict[str, str]:
    """The hidden fields of the form."""
    return dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page))


def test_runs_are_found_by_each_filter(
    house: House,
    person: Person,
    failed: Callable[..., int],
    enqueue: Enqueue,
    add_schedule: Callable[..., int],
) -> None:
    first = failed()
    second = enqueue("other", queue="slow")
    add_schedule("news", task="third")
    third = house.transport.call("trigger_schedule", {"p_schedule": "news"})["id"]
    for query, wanted in (
        ({}, [third, second, first]),
        ({"status": "failed"}, [first]),
        ({"task": "other"}, [second]),
        ({"queue": "slow"}, [second]),
        ({"schedule": "news"}, [third]),
        ({"trigger": "manual"}, [third]),
        ({"error": "<SCRIPT>"}, [first]),
        ({"error": "%"}, []),
        ({"ids": f"{first}, {second}"}, [second, first]),
        ({"ids": f"{first} {second}", "task": "other"}, [second]),
        ({"until": "2000-01-01T00:00"}, []),
        ({"since": "2000-01-01T00:00Z"}, [third, second, first]),
    ):
        page = person.get("/runs", **query)
        assert (page.status_code, listed(page.text)) == (200, wanted), query
        assert EVIL not in page.text


PAST = """
insert into hourhand_parts.job_runs_history
  (id, task, queue, status, run_at, claim_at, max_attempts, timeout, trigger, created_at, finished_at)
select n, case n when 1 then 'rare' else 'task' end, 'default', 'completed', made + {late}, made, 4, '1 hour', 'api',
  made, made + interval '1 hour'
from generate_series(1, {runs}) n, lateral (select timestamptz '2026-01-01 00:00Z' + n * interval '1 minute' as made) m
returning id, run_at
"""


def test_planned_times_are_found_however_much_later_or_earlier_a_run_was_made(house: House, sql: Sql) -> None:
    late = "case when n % 7 = 0 then -n % 400 * interval '1 minute' when n % 5 = 0 then n % 50 * interval '1 hour'"
    planned = dict(sql(PAST.format(late=f"{late} else interval '0' end", runs=2000)))
    times = sorted(planned.values())
    for since, until in (
        (None, times[900]),
        (times[300], times[1200]),
        (times[1500], None),
        (None, times[0]),
    ):
        wanted = [
            run
            for run, at in sorted(planned.items(), reverse=True)
            if (since is None or at >= since) and (until is None or at < until)
        ]
        chosen = {"since": since, "until": until}
        asked = {"p_filter": {key: at.isoformat() for key, at in chosen.items() if at}, "p_limit": 300}
        found, before = [], None
        while True:
            answer = house.transport.call("browse_runs", {**asked, "p_before": before})
            found += [each["id"] for each in answer["runs"]]
            if (before := answer["next"]) is None:
                break
        assert found == wanted


def test_no_more_than_so_many_runs_are_looked_at_in_one_call(house: House, person: Person, sql: Sql) -> None:
    sql(PAST.format(late="interval '0'", runs=20_001))
    answer = house.transport.call("browse_runs", {"p_filter": {"task": "rare"}})
    assert (answer["runs"], answer["next"], answer["searched"][:10]) == ([], 2, "2026-01-01")
    page = text(person, "/runs", task="rare")
    assert listed(page) == []
    [following] = re.findall(r'rel="next" href="([^"]+)"', page)
    assert listed(person.get(following).text) == [1]


@pytest.mark.parametrize(
    "query",
    [
        {"status": "x"}, {"trigger": "x"}, {"ids": "x"}, {"ids": "²"}, {"ids": str(2**63)}, {"since": "x"},
        {"until": "99999"}, {"error": "x" * 501}, {"before": "x"}, {"before": str(2**63)},
    ],
)  # fmt: skip
def test_a_filter_that_is_none_is_refused(person: Person, query: dict[str, str]) -> None:
    for path in ("/runs", "/runs.csv", "/run/bulk?action=retry"):
        if "before" not in query or path == "/runs":
            separator = "&" if "?" in path else "?"
            assert person.get(f"{path}{separator}{urlencode(query)}").status_code == 422, path


def test_pages_follow_each_other_and_keep_the_filter(person: Person, house: House, enqueue: Enqueue) -> None:
    house.transport.call("enqueue_many", {"p_jobs": [{"task": "task"}] * 60})
    enqueue("other")
    page = html.unescape(person.get("/runs", task="task").text)
    [following] = re.findall(r'rel="next" href="([^"]+)"', page)
    assert "task=task" in following
    rest = listed(person.get(following).text)
    assert (len(listed(page)), len(rest)) == (50, 10)
    assert min(listed(page)) > max(rest)


def test_all_failed_runs_of_a_filter_are_retried_once_and_the_filter_is_kept(
    house: House, person: Person, failed: Callable[..., int]
) -> None:
    wanted = [failed(), failed()]
    failed(task="other")
    page = person.get("/run/bulk", action="retry", task="task").text
    assert "Retry 2 runs" in page
    assert all(run(house, each)["retries"] == [] for each in wanted)
    fields = meant(page)
    fields.pop("csrf")
    for _ in range(2):
        answer = person.post("/run/bulk", **fields)
        assert (answer.status_code, answer.headers["location"]) == (303, "/runs?task=task")
    assert "2 runs retried." in text(person, "/runs", task="task")
    assert [len({*run(house, each)["retries"]}) for each in wanted] == [1, 1]
    assert listed(person.get("/runs", trigger="retry").text) == sorted(
        (run(house, each)["retries"][0] for each in wanted), reverse=True
    )


def test_what_was_retried_before_is_not_retried_by_the_way(
    house: House, person: Person, failed: Callable[..., int]
) -> None:
    before, fresh = failed(), failed()
    house.transport.call("retry_run", {"p_run_id": before})
    page = person.get("/run/bulk", action="retry").text
    assert "Retry 1 run" in page
    assert "1 that was retried before is left out." in page
    assert meant(page)["ids"] == str(fresh)
    assert "Retry 2 runs" in person.get("/run/bulk", action="retry", again="yes").text


def test_two_who_retry_the_same_runs_at_the_same_time_make_them_once(
    house: House, person: Person, failed: Callable[..., int]
) -> None:
    wanted = failed()
    pages = [each.get("/run/bulk", action="retry").text for each in (person, house.person("admin"))]
    for page in pages:
        fields = meant(page)
        fields.pop("csrf")
        assert person.post("/run/bulk", **fields).status_code == 303
    assert len({*run(house, wanted)["retries"]}) == 1
    assert "There is nothing to do." in person.get("/run/bulk", action="retry").text


def test_waiting_runs_of_a_filter_are_cancelled_with_a_reason(
    house: House, person: Person, enqueue: Enqueue, failed: Callable[..., int]
) -> None:
    done = failed()
    ids = [enqueue(), enqueue()]
    page = person.get("/run/bulk", action="cancel").text
    assert "Cancel 2 runs" in page
    fields = {**meant(page), "reason": "too many", "ids": f"{ids[0]} {ids[1]} {done} 99"}
    fields.pop("csrf")
    assert person.post("/run/bulk", **fields).status_code == 303
    assert "2 runs cancelled, or told to stop. 1 had ended before. 1 not: there is no run 99." in text(
        person, "/runs"
    )
    assert {run(house, each)["cancel_reason"] for each in ids} == {"too many"}
    assert "There is nothing to do." in text(person, "/run/bulk", action="cancel", status="failed")


def test_no_more_than_a_thousand_are_done_at_once(house: House, person: Person) -> None:
    house.transport.call("enqueue_many", {"p_jobs": [{"task": "task"}] * 1001})
    page = person.get("/run/bulk", action="cancel").text
    assert "Cancel 1\u202f000 runs" in page
    assert "There may be more" in page
    too_many = " ".join(str(number) for number in range(1, 1002))
    assert person.post("/run/bulk", action="cancel", ids=too_many).status_code == 422
    assert person.post("/run/bulk", action="eat", ids="1").status_code == 422
    assert person.get("/run/bulk", action="eat").status_code == 422
    assert house.person("viewer").get("/run/bulk", action="cancel").status_code == 403


def test_runs_are_exported_for_a_spreadsheet_and_nothing_in_it_is_a_formula(
    person: Person, enqueue: Enqueue
) -> None:
    for task in ("=1+1", "@x", "-2", "+3", 'a,"b"'):
        enqueue(task)
    answer = person.get("/runs.csv", status="pending")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["task"] for row in rows] == ['a,"b"', "'+3", "'-2", "'@x", "'=1+1"]
    assert (rows[0]["status"], rows[0]["error"]) == ("pending", "")
    for text in ("\tx", "\rx", "\nx", "\uff1dx", "\uff20x"):
        blank: dict[str, Any] = dict.fromkeys(rows[0])
        told = "".join(as_csv([([{**blank, "error": text}], False)]))
        [cell] = [row["error"] for row in csv.DictReader(io.StringIO(told, newline=""))]
        assert cell == f"'{text}"


def test_a_long_list_is_exported_part_by_part_and_says_where_it_was_cut(
    person: Person, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql(PAST.format(late="interval '0'", runs=2100))
    answer = person.get("/runs.csv")
    assert "content-length" not in answer.headers
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [int(row["id"]) for row in rows] == [*range(2100, 0, -1)]
    monkeypatch.setattr(runs_page, "_IN_A_FILE", 1500)
    *cut, last = csv.DictReader(io.StringIO(person.get("/runs.csv").text))
    assert [int(row["id"]) for row in cut] == [*range(2100, 600, -1)]
    assert last["id"].startswith("There may be more")


def test_an_export_that_breaks_off_is_no_whole_file(
    house: House, person: Person, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    sql(PAST.format(late="interval '0'", runs=1001))
    real = house.transport.call

    def failing(function: str, params: dict[str, Any], **how: Any) -> Any:
        if function == "browse_runs" and params["p_before"] is not None:
            raise Unavailable("the database went away")
        return real(function, params, **how)

    monkeypatch.setattr(house.transport, "call", failing)
    with pytest.raises(httpx.RemoteProtocolError):
        person.get("/runs.csv")
