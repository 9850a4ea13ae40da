"""Workers, queues, errors, the audit log and the settings: what their pages tell and do."""

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.admin.house import PASSWORD, House, Person
from tests.admin.test_access import log_in
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


# --- Errors ---


def fail(worker: Hand, enqueue: Callable[..., int], message: str, line: int = 7) -> int:
    run_id = enqueue("task")
    trace = f'Traceback …\n  File "/app/{EVIL}.py", line {line}, in fetch\nValueError: x'
    error = {"class": "ValueError", "message": message, "traceback": trace}
    assert worker.finish(*worker.runs(), outcome="failed", error=error) == ["ok"]
    return run_id


def test_failures_with_one_cause_are_one_error(
    house: House, person: Person, hand: Callable[..., Hand], enqueue: Callable[..., int]
) -> None:
    assert "No attempt has failed" in text(person, "/errors")
    worker = hand()
    fail(worker, enqueue, "feed 12 at 'https://a.example' is no XML")
    last = fail(worker, enqueue, "feed 345 at 'https://b.example' is no XML", line=9)
    other = fail(worker, enqueue, f"it is full {EVIL} 100%")
    found = house.transport.call("list_errors", {})["errors"]
    assert [(each["runs"], each["last_run_id"]) for each in found] == [(1, other), (2, last)]
    page = text(person, "/errors")
    assert page.count("<strong>ValueError</strong>") == 2
    assert f'href="/runs/{last}"' in page
    assert f'<a href="/runs?fingerprint={found[1]["fingerprint"]}">2</a>' in page
    assert SAFE in page
    assert "no XML" not in text(person, "/errors?search=100%25")
    assert "it is full" in text(person, "/errors?search=100%25")
    assert "No errors match" in text(person, "/errors?search=10%25%25<script>alert(1)</script>")
    assert person.get("/errors?search=%00").status_code == 422


# --- Audit ---


def test_the_audit_log_tells_who_changed_what(house: House, person: Person) -> None:
    person.post("/queues/mail/pause", note=EVIL)
    person.post("/queues/mail/limit", rate="2")
    person.post("/queues/mail/limit", rate="5")
    house.person("operator", "eve").post("/queues/other/resume")
    page = text(person, "/audit")
    assert "<dt>rate</dt><dd><del>2</del> <ins>5</ins>" in page
    assert SAFE in page
    assert "queue.resumed" not in text(person, "/audit?actor=operator")
    assert "queue.resumed</a>" in text(person, "/audit?action=queue&actor=eve")
    assert "queue.limited</a>" not in text(person, "/audit?action=queue.paused&subject=mail")
    assert "No changes match" in text(person, f"/audit?actor={EVIL}")


def test_the_audit_log_is_read_page_by_page(person: Person, sql: Sql) -> None:
    sql(
        "insert into hourhand.audit_log (at, actor, action, subject, before, after)"
        " select now(), 'bot', 'runs.reset', n::text, '[1]', to_jsonb(n) from generate_series(1, 60) n returning 1"
    )
    (newest,) = sql("select max(id) from hourhand.audit_log")[0]
    page = text(person, "/audit?actor=bot")
    assert f"before={newest - 49}" in page
    assert "<del>[1]</del> <ins>60</ins>" in page
    rest = text(person, f"/audit?actor=bot&before={newest - 49}")
    assert ("10 shown" in rest, "Next page" in rest, "First page" in rest) == (True, False, True)
    for before in ("x", "0", str(2**63), "-1"):
        assert person.get(f"/audit?before={before}").status_code == 422, before


# --- Settings ---


def test_a_token_is_shown_once_works_and_is_revoked(house: House, sql: Sql) -> None:
    admin = house.person("admin")
    answer = admin.post("/settings/tokens", name=EVIL, role="operator", expires="90d")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert EVIL not in answer.text
    (token,) = set(re.findall(r"hh_[\w-]{43}", answer.text))
    page = text(admin, "/settings")
    assert SAFE in page
    assert token not in page
    bearer = {"authorization": f"Bearer {token}"}
    assert httpx.get(f"{house.url}/api/v1/runs", headers=bearer).status_code == 200
    (made,) = house.transport.call("list_api_tokens", {})["tokens"]
    assert made["role"] == "operator"
    assert sql("select expires_at - created_at = '90 days' from hourhand_parts.api_tokens") == [(True,)]
    assert admin.post("/settings/tokens/revoke", name=EVIL).status_code == 303
    assert httpx.get(f"{house.url}/api/v1/runs", headers=bearer).status_code == 401
    logged = sql("select actor, action, before, after from hourhand.audit_log where subject = %s", EVIL)
    assert [entry[:2] for entry in logged] == [("admin", "api_token.created"), ("admin", "api_token.revoked")]
    assert token not in str(logged)


def test_tokens_that_cannot_be_are_refused(house: House) -> None:
    admin = house.person("admin")
    for fields in (
        {}, {"name": "x", "role": "god"}, {"name": "x", "expires": EVIL}, {"name": "x", "expires": "0"},
        {"name": "x", "expires": "999999999d"}, {"name": "a\nb"}, {"name": "x" * 101}, {"name": "x\0"},
    ):  # fmt: skip
        answer = admin.post("/settings/tokens", **fields)
        assert answer.status_code == 422, fields
        assert EVIL not in answer.text
    assert house.transport.call("list_api_tokens", {})["tokens"] == []
    assert admin.post("/settings/tokens", name="twice").status_code == 200
    assert admin.post("/settings/tokens", name="twice").status_code == 409
    assert admin.post("/settings/tokens/revoke", name="unknown").status_code == 404
    assert admin.post("/settings/tokens/revoke").status_code == 404


def test_the_settings_list_the_users_and_what_the_doctor_finds(
    house: House, enqueue: Callable[..., int], hand: Callable[..., Hand]
) -> None:
    hand("other")
    enqueue(EVIL)
    house.add_user("alice", "viewer")
    page = text(house.person("admin"), "/settings")
    assert "<td>alice</td><td>viewer</td>" in page
    assert "no scheduler is alive" in page
    assert f"can run {SAFE}" in page
    assert "the schema is that of this package" in page


def users(house: House) -> dict[str, tuple[str, bool]]:
    found = house.transport.call("list_users", {})["users"]
    return {each["name"]: (each["role"], each["locked"]) for each in found}


def may_log_in(house: House, name: str, password: str) -> bool:
    return log_in(house.person(None), name, password).status_code == 303


def test_a_user_is_added_changed_locked_let_in_again_and_deleted(house: House, sql: Sql) -> None:
    admin = house.person("admin", name="root")
    assert (
        admin.post("/settings/users", name="alice", role="viewer", password="not a secret").status_code == 303
    )
    assert "User alice may log in as viewer." in text(admin, "/settings")
    assert may_log_in(house, "alice", "not a secret")
    alice = house.person("viewer", name="bob")
    assert alice.get("/runs").status_code == 200
    admin.post("/settings/users/lock", name="bob")
    assert alice.get("/runs").headers.get("location", "").startswith("/login")
    assert users(house)["bob"] == ("viewer", True)
    assert "locked" in text(admin, "/settings")
    assert not may_log_in(house, "bob", PASSWORD)
    admin.post("/settings/users/lock", name="bob", locked="no")
    assert may_log_in(house, "bob", PASSWORD)
    admin.post("/settings/users/change", name="alice", role="operator", password="")
    assert may_log_in(house, "alice", "not a secret")
    admin.post("/settings/users/change", name="alice", role="operator", password="another one")
    assert (may_log_in(house, "alice", "not a secret"), may_log_in(house, "alice", "another one")) == (
        False,
        True,
    )
    admin.post("/settings/users/delete", name="alice")
    assert users(house) == {"root": ("admin", False), "bob": ("viewer", False)}
    logged = sql(
        "select action, before, after from hourhand.audit_log where actor = 'root' and action <> 'user.logged_in' order by id"
    )
    assert [entry[0] for entry in logged] == [
        "user.created", "user.locked", "user.unlocked", "user.changed", "user.changed", "user.deleted",
    ]  # fmt: skip
    assert "argon2" not in str(logged)


def test_the_only_admin_stays_one(house: House) -> None:
    admin = house.person("admin", name="root")
    house.add_user("alice", "admin")
    assert admin.post("/settings/users/lock", name="alice").status_code == 303
    for path, fields in (("lock", {}), ("delete", {}), ("change", {"role": "viewer"})):
        answer = admin.post(f"/settings/users/{path}", name="root", **fields)
        assert (answer.status_code, "user &#34;root&#34; is the only admin" in answer.text) == (409, True), (
            path
        )
    assert users(house) == {"root": ("admin", False), "alice": ("admin", True)}
    admin.post("/settings/users/lock", name="alice", locked="no")
    assert admin.post("/settings/users/change", name="root", role="viewer").status_code == 303


def test_users_that_cannot_be_are_refused(house: House) -> None:
    admin = house.person("admin", name="root")
    good = {"name": "alice", "role": "viewer", "password": "not a secret"}
    for wrong in (
        {"name": ""}, {"name": "a b"}, {"name": "a\nb"}, {"name": "x" * 101}, {"role": "god"}, {"password": "short"},
        {"password": "x" * 1001}, {"name": "a\0b"},
    ):  # fmt: skip
        answer = admin.post("/settings/users", **{**good, **wrong})
        assert answer.status_code == 422, wrong
    assert admin.post("/settings/users", **{**good, "name": "root"}).status_code == 409
    for path in ("change", "lock", "delete"):
        assert admin.post(f"/settings/users/{path}", name="nobody", role="viewer").status_code == 404
        assert admin.post(f"/settings/users/{path}").status_code == 422
    assert users(house) == {"root": ("admin", False)}


def test_the_settings_are_for_admins(house: House) -> None:
    operator = house.person("operator")
    assert operator.get("/settings").status_code == 403
    assert operator.post("/settings/tokens", name="x").status_code == 403
    assert operator.post("/settings/tokens/revoke", name="x").status_code == 403
    assert operator.post("/settings/users", name="x", role="admin", password="long enough").status_code == 403
    assert 'href="/settings"' not in text(operator, "/audit")
