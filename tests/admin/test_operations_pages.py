"""Workers, queues, errors, the audit log and the settings: what their pages tell and do."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.admin.house import House, Person
from tests.sql.conftest import Hand

Sql = Callable[..., list[Any]]

EVIL = "<script>alert(1)</script>"
SAFE = "&lt;script&gt;alert(1)&lt;/script&gt;"


@pytest.fixture
def person(house: House) -> Person:
    return house.person("operator")


def queue(house: House, name: str = "default") -> dict[str, Any]:
    rows = house.transport.call("list_queues", {})["queues"]
    return next((row for row in rows if row["name"] == name), {})


def text(person: Person, path: str) -> str:
    answer = person.get(path)
    assert answer.status_code == 200, answer.text
    assert EVIL not in answer.text
    return answer.text


# --- Workers ---


def test_workers_show_their_state_and_the_runs_they_hold(
    house: House, person: Person, hand: Callable[..., Hand], enqueue: Callable[..., int], end_lease: Any
) -> None:
    assert "No services" in text(person, "/workers")
    worker = hand(EVIL)
    run_id = enqueue(EVIL)
    worker.runs()
    stats = {"p_session": worker.session, "p_lease": 30, "p_stats": {"memory_mb": 51.5, EVIL: EVIL}}
    house.transport.call("beat", stats)
    page = text(person, "/workers")
    assert f'<a href="/runs/{run_id}">{run_id}</a>' in page
    assert 's-alive">alive' in page
    assert "memory mb</span> 51.5" in page
    assert SAFE in page
    end_lease(worker)
    assert 's-late">late' in text(person, "/workers")


def test_a_task_that_nobody_can_run_is_named(
    person: Person, hand: Callable[..., Hand], enqueue: Callable[..., int]
) -> None:
    enqueue(EVIL)
    hand("other")
    for path in ("/workers", "/queues"):
        assert f"Nobody can run {SAFE}" in text(person, path)


def test_a_task_whose_worker_is_alive_is_not_named(
    person: Person, hand: Callable[..., Hand], enqueue: Callable[..., int]
) -> None:
    enqueue("task")
    hand("task")
    assert "Nobody can run" not in text(person, "/workers")


# --- Queues ---


def test_a_queue_is_paused_with_a_note_and_resumed(
    house: House, person: Person, enqueue: Callable[..., int], sql: Sql
) -> None:
    enqueue("task", queue="a/b")
    assert "a/b" in text(person, "/queues")
    answer = person.post("/queues/a%2Fb/pause", note=EVIL)
    assert (answer.status_code, answer.headers["location"]) == (303, "/queues")
    assert queue(house, "a/b")["pause_note"] == EVIL
    assert SAFE in text(person, "/queues")
    assert person.post("/queues/a%2Fb/resume").status_code == 303
    assert queue(house, "a/b")["paused_at"] is None
    assert sql("select actor, action from hourhand.audit_log where subject = 'a/b' order by id") == [
        ("operator", "queue.paused"),
        ("operator", "queue.resumed"),
    ]


def test_the_limits_of_a_queue_are_as_the_form_has_them(house: House, person: Person) -> None:
    person.post("/queues/default/limit", concurrency="3", rate="0.5", burst="7")
    assert {name: queue(house)[name] for name in ("concurrency", "rate", "burst")} == {
        "concurrency": 3,
        "rate": 0.5,
        "burst": 7,
    }
    assert 'value="0.5"' in text(person, "/queues")
    person.post("/queues/default/limit", rate="20")
    assert (queue(house)["concurrency"], queue(house)["burst"]) == (None, 20)
    person.post("/queues/default/limit")
    assert queue(house)["rate"] is None


def test_limits_and_queues_that_cannot_be_are_refused(house: House, person: Person) -> None:
    for fields in (
        {"concurrency": "0"}, {"concurrency": "2147483648"}, {"concurrency": EVIL}, {"rate": "nan"}, {"rate": "-1"},
        {"rate": "inf"}, {"rate": "x"}, {"rate": "1", "burst": "0"}, {"burst": "5"},
    ):  # fmt: skip
        answer = person.post("/queues/default/limit", **fields)
        assert (answer.status_code, queue(house)) == (422, {}), fields
        assert EVIL not in answer.text
    for name in ("x%00y", "x%01y", "q" * 101):
        for deed in ("pause", "resume", "limit"):
            assert person.post(f"/queues/{name}/{deed}").status_code == 422, (name, deed)


def test_viewers_see_queues_and_change_nothing(house: House, enqueue: Callable[..., int]) -> None:
    enqueue("task")
    viewer = house.person("viewer")
    assert '<form method="post" action="/queues' not in text(viewer, "/queues")
    for deed in ("pause", "resume", "limit"):
        assert viewer.post(f"/queues/default/{deed}").status_code == 403
    assert queue(house)["paused_at"] is None
