"""The REST API and its streams with nothing but the address of a Supabase project and its key."""

from tests.admin.house import House
from tests.admin.test_api import ask
from tests.admin.test_events import parsed, stream
from tests.admin.test_supabase import supabase_house
from tests.sql.conftest import Hand

__all__ = ["supabase_house"]


def test_schedules_runs_and_events_over_https_alone(supabase_house: House) -> None:
    api = supabase_house.program("operator")
    made = ask(api, "POST", "/api/v1/schedules", {"name": "news", "task": "t", "every": "1h"}, 201)
    path = f"/api/v1/schedules/{made['id']}"
    etag = api.ask("GET", path).headers["etag"]
    assert ask(api, "PATCH", path, {"priority": 3}, if_match=etag)["priority"] == 3
    ask(api, "PATCH", path, {"priority": 4}, 412, if_match=etag)
    wanted = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T03:00:00Z"}
    assert "firings" in ask(api, "POST", f"{path}/backfill", {**wanted, "dry_run": True})
    run_id = ask(api, "POST", f"{path}/trigger", status=201, idempotency_key="k")["id"]
    assert ask(api, "POST", f"{path}/trigger", status=200, idempotency_key="k")["id"] == run_id
    made = ask(api, "POST", "/api/v1/runs", {"task": "t", "payload": {"a": 1}, "timeout": 1.5}, 201)
    assert ask(api, "GET", f"/api/v1/runs/{made['id']}")["timeout"] == 1.5
    assert len(ask(api, "GET", "/api/v1/runs?status=pending&limit=1")["runs"]) == 1
    token = ask(api, "POST", f"/api/v1/runs/{run_id}/token", status=201)["token"]
    worker = Hand(supabase_house.transport, ["t"]).open()  # type: ignore[arg-type]
    with stream(supabase_house.program(None), f"run={run_id}&token={token}") as events:
        assert next(events)["data"]["status"] == "pending"
        worker.finish(*worker.runs(), result={"ok": True})
        assert [event["event"] for event in events][-2:] == ["run-end", "end"]
    with api.http.stream("GET", f"/jobs/stream/{run_id}") as answer:
        assert [event["data"]["status"] for event in parsed(answer.iter_lines())] == ["COMPLETED"] * 2


def test_what_the_database_refuses_is_refused_in_the_same_words(supabase_house: House) -> None:
    api = supabase_house.program("operator")
    for body in (
        {"task": "a\nb"},
        {"task": "t", "payload": {"a": int("9" * 320)}},
        {"task": "t", "payload": {"a": "x" * 300_000}},
        {"task": "t", "run_at": "9999-12-31T23:59:59Z"},
    ):
        ask(api, "POST", "/api/v1/runs", body, 422)
    ask(api, "GET", "/api/v1/runs/999", status=404)
    ask(api, "GET", "/api/v1/runs?task=%00", status=422)
    ask(api, "POST", "/api/v1/runs/999/retry", status=404)
