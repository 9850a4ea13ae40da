"""The REST API: what each route does."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.admin.house import House, Program
from tests.admin.test_events import parsed, write
from tests.support.waiting import eventually


@pytest.fixture
def api(house: House) -> Program:
    return house.program("operator")


def ask(api: Program, method: str, path: str, body: Any = None, status: int = 200, **headers: str) -> Any:
    """The answer's JSON; the status has to be this one."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = api.ask(method, path, json=body, headers=given) if body is not None else api.ask(
        method, path, headers=given
    )  # fmt: skip
    assert answer.status_code == status, answer.text
    if status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
    return answer.json() if answer.content else None


IMPOSSIBLE: list[Any] = [
    {"name": "x", "task": "t"},
    {"name": "x", "task": "t", "cron": "61 * * * *"},
    {"name": "x", "task": "t", "cron": "0 0 30 2 *"},
    {"name": "x", "task": "t", "cron": "* * * * *", "every": 60},
    {"name": "x", "task": "t", "every": 0},
    {"name": "x", "task": "t", "every": "soon"},
    {"name": "x", "task": "t", "every": 60, "timezone": "EST"},
    {"name": "x", "task": "t", "every": 60, "corn": "misspelt"},
    {"name": "x", "task": "t", "every": 60, "starts_at": "2026-01-01T00:00:00"},
    {"name": " x", "task": "t", "every": 60},
    {"name": "x\n", "task": "t", "every": 60},
    {"name": "x", "task": "t", "run_at": "yesterday"},
    {"name": "x", "task": "t", "every": 60, "rank_intervals": {"x": 1}},
    {"name": "x", "task": "t", "every": 60, "payload": "text"},
]


class TestSchedules:
    def test_a_schedule_from_creation_to_deletion(self, api: Program) -> None:
        made = api.ask("POST", "/api/v1/schedules", json={"name": "news", "task": "t", "cron": "*/5 * * * *"})
        assert made.status_code == 201, made.text
        schedule_id = made.json()["id"]
        assert made.headers["location"] == f"/api/v1/schedules/{schedule_id}"
        read = api.ask("GET", "/api/v1/schedules/news")
        assert read.json()["cron"] == "*/5 * * * *"
        assert read.headers["etag"] == made.headers["etag"]
        changed = ask(api, "PATCH", f"/api/v1/schedules/{schedule_id}", {"every": "1h30m", "name": "old news"},
                      if_match=read.headers["etag"])  # fmt: skip
        assert (changed["name"], changed["every"], changed["cron"]) == ("old news", 5400, None)
        assert [each["name"] for each in ask(api, "GET", "/api/v1/schedules")["schedules"]] == ["old news"]
        ask(api, "DELETE", f"/api/v1/schedules/{schedule_id}", status=204)
        ask(api, "GET", f"/api/v1/schedules/{schedule_id}", status=404)

    def test_a_change_is_made_to_the_version_it_names(self, api: Program, add_schedule: Any) -> None:
        add_schedule("news")
        etag = api.ask("GET", "/api/v1/schedules/news").headers["etag"]
        path = "/api/v1/schedules/news"
        ask(api, "PATCH", path, {"jitter": 1, "tags": ["a"]}, 412, if_match='""')
        ask(api, "PATCH", path, {"tags": ["a"]}, 412, if_match='"other"')
        ask(api, "PATCH", path, {"tags": ["a"]}, 412, if_match=f"W/{etag}")
        ask(api, "PATCH", path, {"tags": ["a"]}, if_match=f'"other", {etag}')
        ask(api, "PATCH", path, {"tags": ["b"]}, 412, if_match=etag)
        ask(api, "DELETE", path, status=412, if_match=etag)
        ask(api, "PATCH", path, {"tags": ["b"]}, if_match="*")
        ask(api, "PATCH", path, {"jitter": 5})
        schedule = ask(api, "GET", path)
        assert (schedule["tags"], schedule["jitter"]) == (["b"], 5)

    def test_of_many_changes_to_one_version_one_is_made(
        self, house: House, api: Program, add_schedule: Any
    ) -> None:
        add_schedule("news")
        etag = api.ask("GET", "/api/v1/schedules/news").headers["etag"]

        def change(number: int) -> int:
            return api.ask(
                "PATCH", "/api/v1/schedules/news", json={"priority": number}, headers={"if-match": etag}
            ).status_code

        with ThreadPoolExecutor(8) as threads:
            statuses = sorted(threads.map(change, range(1, 17)))
        assert statuses == [200] + [412] * 15

    def test_that_it_fires_does_not_change_its_version(
        self, api: Program, add_schedule: Any, sql: Any
    ) -> None:
        add_schedule("news")
        etag = api.ask("GET", "/api/v1/schedules/news").headers["etag"]
        sql("update hourhand.scheduled_jobs set next_run_at = now(), last_run_at = now()")
        ask(api, "PATCH", "/api/v1/schedules/news", {"priority": 5}, if_match=etag)

    def test_they_come_in_pages(self, api: Program, add_schedule: Any) -> None:
        for number in range(7):
            add_schedule(f"s{number}", tags=["odd"] if number % 2 else [])
        seen, cursor = [], ""
        for _ in range(4):
            page = ask(api, "GET", f"/api/v1/schedules?limit=2{cursor}")
            seen += [each["name"] for each in page["schedules"]]
            cursor = f"&cursor={page['next']}"
        assert seen == [f"s{number}" for number in range(7)]
        assert page["next"] is None
        assert len(ask(api, "GET", "/api/v1/schedules?tag=odd&search=S")["schedules"]) == 3

    def test_what_cannot_be_is_refused(self, api: Program) -> None:
        for body in IMPOSSIBLE:
            assert ask(api, "POST", "/api/v1/schedules", body, 422)["detail"], body

    def test_a_name_is_given_once(self, api: Program, add_schedule: Any) -> None:
        add_schedule("news")
        ask(api, "POST", "/api/v1/schedules", {"name": "news", "task": "other", "every": 5}, 409)

    def test_it_is_triggered_paused_and_resumed(self, api: Program, add_schedule: Any, sql: Any) -> None:
        add_schedule("news")
        path = "/api/v1/schedules/news"
        first = ask(api, "POST", f"{path}/trigger", {"payload": {"a": 1}}, 201, idempotency_key="k")
        again = ask(api, "POST", f"{path}/trigger", {"payload": {"a": 1}}, 200, idempotency_key="k")
        assert (again["id"], again["outcome"]) == (first["id"], "existing")
        assert ask(api, "POST", f"{path}/trigger", status=201)["id"] != first["id"]
        paused = ask(api, "POST", f"{path}/pause", {"until": "2099-01-01T00:00:00Z", "note": "holidays"})
        assert (paused["is_active"], paused["pause_note"]) == (True, "holidays")
        assert ask(api, "POST", f"{path}/pause")["is_active"] is False
        assert ask(api, "GET", f"{path}/next")["firings"] == []
        assert ask(api, "POST", f"{path}/resume")["is_active"] is True
        ask(api, "POST", f"{path}/pause", {"until": "2001-01-01T00:00:00Z"}, 422)
        [(actor,)] = sql("select distinct actor from hourhand.audit_log where action = 'schedule.triggered'")
        assert actor.startswith("token:operator")

    def test_its_past_is_made_up_for_once(self, api: Program, add_schedule: Any, sql: Any) -> None:
        add_schedule("news", cron="0 * * * *")
        sql("update hourhand.scheduled_jobs set created_at = now() - interval '2 days'")
        path = "/api/v1/schedules/news"
        wanted = {"from": "2026-01-01T00:30:00Z", "to": "2026-01-01T04:00:00Z"}
        sure = ask(api, "POST", f"{path}/backfill", {**wanted, "dry_run": True})
        assert (len(sure["firings"]), sure["runs"]) == (4, [])
        assert len(ask(api, "POST", f"{path}/backfill", wanted)["runs"]) == 4
        assert ask(api, "POST", f"{path}/backfill", wanted)["ran"] == 4
        firings, cursor = [], ""
        for _ in range(2):
            page = ask(api, "GET", f"{path}/firings?limit=3{cursor}")
            firings += page["firings"]
            cursor = f"&cursor={page['next']}"
        assert [each["decision"] for each in firings] == ["backfilled"] * 4
        ask(api, "POST", f"{path}/backfill", {"from": wanted["to"], "to": wanted["from"]}, 422)
        ask(api, "POST", f"{path}/backfill", {"from": "1990-01-01T00:00:00Z", "to": wanted["to"]}, 422)

    def test_it_says_when_it_fires_and_why_not(self, api: Program, add_schedule: Any) -> None:
        add_schedule("news", cron="30 2 * * *", timezone="Europe/Berlin")
        told = ask(api, "GET", "/api/v1/schedules/news/next?n=3")
        assert (told["timezone"], len(told["firings"])) == ("Europe/Berlin", 3)
        [why] = ask(api, "GET", "/api/v1/schedules/news/why?at=2020-01-01T00:00:00Z")
        assert why["kind"] == "before_creation"

    def test_a_timing_is_previewed(self, api: Program) -> None:
        body = {"cron": "30 2 * * *", "timezone": "Europe/Berlin", "count": 3}
        seen = ask(api, "POST", "/api/v1/schedules/preview", body)
        assert len(seen["firings"]) == 3
        assert "02:30" in seen["description"]
        assert any("02:30" in note and "skipped" in note for note in seen["notes"])
        by_query = ask(api, "GET", "/api/v1/schedules/preview?cron=30 2 * * *&timezone=Europe/Berlin&count=3")
        assert by_query == seen
        assert ask(api, "GET", "/api/v1/schedules/preview?every=90m")["description"] == "Every 1h 30m"
        never = ask(api, "POST", "/api/v1/schedules/preview", {"run_at": "2001-01-01T00:00"})
        assert (never["firings"], never["warnings"]) == ([], ["It never fires any more."])
        for bad in (
            {},
            {"cron": "x"},
            {"every": "x"},
            {"run_at": "x"},
            {"cron": "* * * * *", "timezone": "x"},
        ):
            ask(api, "POST", "/api/v1/schedules/preview", bad, 422)


class TestRuns:
    def test_a_run_keeps_the_span_of_the_request_that_asked_for_it(
        self, api: Program, add_schedule: Any, hand: Any, sql: Any
    ) -> None:
        add_schedule("news")
        worker = hand()
        asked = [f"00-{1:032x}-{n:016x}-01" for n in range(1, 5)]
        run = ask(api, "POST", "/api/v1/runs", {"task": "task"}, 201, traceparent=asked[0])
        [held] = worker.runs()
        worker.finish(held)
        ask(api, "POST", "/trigger", {"taskId": "task"}, traceparent=asked[1])
        ask(api, "POST", "/api/v1/schedules/news/trigger", status=201, traceparent=asked[2])
        ask(api, "POST", f"/api/v1/runs/{run['id']}/retry", status=201, traceparent=asked[3])
        ask(api, "POST", "/api/v1/runs", {"task": "task"}, 201, traceparent="00-no")
        kept = [span for (span,) in sql("select trace_context from hourhand.job_runs order by id")]
        assert kept == [*asked, None]

    def test_a_run_from_its_request_to_its_retry(self, api: Program, hand: Any) -> None:
        made = api.ask("POST", "/api/v1/runs", json={"task": "task", "payload": {"a": 1}, "priority": 5})
        assert made.status_code == 201
        run_id = made.json()["id"]
        assert made.headers["location"] == f"/api/v1/runs/{run_id}"
        worker = hand()
        ask(api, "POST", f"/api/v1/runs/{run_id}/retry", status=409)
        [run] = worker.runs()
        worker.finish(run, outcome="failed", error={"class": "E", "message": "no", "traceback": "line 1"})
        shown = ask(api, "GET", f"/api/v1/runs/{run_id}")
        assert (shown["status"], shown["payload"], shown["priority"]) == ("failed", {"a": 1}, 5)
        [attempt] = ask(api, "GET", f"/api/v1/runs/{run_id}/attempts")["attempts"]
        assert attempt["traceback"] == "line 1"
        again = ask(
            api, "POST", f"/api/v1/runs/{run_id}/retry", {"payload": {"a": 2}}, 201, idempotency_key="x"
        )
        same = ask(
            api, "POST", f"/api/v1/runs/{run_id}/retry", {"payload": {"a": 2}}, 200, idempotency_key="x"
        )
        assert same["id"] == again["id"] != run_id
        assert ask(api, "GET", f"/api/v1/runs/{again['id']}")["retry_of"] == run_id
        assert (
            ask(api, "POST", f"/api/v1/runs/{again['id']}/cancel", {"reason": "no"})["outcome"] == "cancelled"
        )
        assert ask(api, "POST", f"/api/v1/runs/{run_id}/cancel")["outcome"] == "finished"

    def test_a_key_makes_one_run(self, api: Program, house: House) -> None:
        body = {"task": "task", "payload": {"a": 1}}
        first = ask(api, "POST", "/api/v1/runs", body, 201, idempotency_key="k")
        assert ask(api, "POST", "/api/v1/runs", body, 200, idempotency_key="k") == {
            "id": first["id"], "outcome": "existing",
        }  # fmt: skip
        ask(api, "POST", "/api/v1/runs", {**body, "payload": {"a": 2}}, 422, idempotency_key="k")
        ask(api, "POST", "/api/v1/runs", {**body, "key": "k"}, 422, idempotency_key="k")
        ask(api, "POST", "/api/v1/runs", body, 422, idempotency_key="k" * 256)
        other = house.program("operator")
        assert ask(other, "POST", "/api/v1/runs", body, 201, idempotency_key="k")["id"] != first["id"]

    def test_a_key_makes_one_run_of_many_requests_at_once(self, api: Program) -> None:
        def enqueue(_: int) -> int:
            answer = api.ask("POST", "/api/v1/runs", json={"task": "t"}, headers={"idempotency-key": "k"})
            run_id: int = answer.json()["id"]
            return run_id

        with ThreadPoolExecutor(8) as threads:
            assert len(set(threads.map(enqueue, range(20)))) == 1

    def test_everything_about_a_run_may_be_said(self, api: Program) -> None:
        body = {
            "task": "t", "payload": [1, 2], "queue": "q", "priority": -5, "run_at": "2099-01-01T00:00:00+02:00",
            "key": "k", "key_scope": "s", "key_ttl": 1e6, "on_conflict": "replace", "concurrency_key": "c",
            "max_attempts": 2, "timeout": 1.5,
        }  # fmt: skip
        run_id = ask(api, "POST", "/api/v1/runs", body, 201)["id"]
        shown = ask(api, "GET", f"/api/v1/runs/{run_id}")
        assert (shown["timeout"], shown["run_at"][:10], shown["queue"]) == (1.5, "2098-12-31", "q")
        assert ask(api, "POST", "/api/v1/runs", body, 200)["outcome"] == "replaced"

    def test_a_payload_has_to_fit_its_task(self, api: Program, hand: Any) -> None:
        schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
        hand(schema=schema)
        told = ask(api, "POST", "/api/v1/runs", {"task": "task", "payload": {"n": "x"}}, 422)
        assert "n: 'x' is not of type 'integer'" in told["detail"]
        schedule = {"name": "s", "task": "task", "every": 60}
        ask(api, "POST", "/api/v1/schedules", {**schedule, "payload": {}}, 422)
        ask(api, "POST", "/api/v1/schedules", {**schedule, "payload": {"n": 1}}, 201)
        ask(api, "POST", "/api/v1/schedules/s/trigger", {"payload": {"n": "x"}}, 422)
        ask(api, "PATCH", "/api/v1/schedules/s", {"payload": {"n": "x"}}, 422, if_match="*")
        fleet = {
            "name": "fleet",
            "task": "task",
            "every": 60,
            "rank_intervals": {"1": 60},
        }  # its items have an n
        ask(api, "POST", "/api/v1/schedules", {**fleet, "payload": {"n": "x"}}, 422)
        ask(api, "POST", "/api/v1/schedules", fleet, 201)
        ask(api, "PATCH", "/api/v1/schedules/fleet", {"payload": {"m": 1}}, if_match="*")

    def test_they_come_in_pages_and_by_filters(self, api: Program, enqueue: Any, hand: Any) -> None:
        made = [enqueue("task" if number % 2 else "other") for number in range(7)]
        worker = hand()
        worker.finish(*worker.runs(), outcome="failed", error={"message": "no luck"})
        seen, cursor = [], ""
        for _ in range(4):
            page = ask(api, "GET", f"/api/v1/runs?limit=2{cursor}")
            seen += [each["id"] for each in page["runs"]]
            cursor = f"&cursor={page['next']}"
        assert seen == sorted(made, reverse=True)
        assert page["next"] is None

        def count(query: str) -> int:
            return len(ask(api, "GET", f"/api/v1/runs?{query}")["runs"])

        assert count("status=failed") == 3
        assert count("status=failed&status=pending") == 7
        assert count("task=other&status=failed") == 0
        assert count("error=luck") == 3
        assert count("since=2099-01-01T00:00:00Z") == 0
        assert count("until=2099-01-01T00:00:00Z&queue=default") == 7

    def test_lines_come_after_a_line(self, api: Program, enqueue: Any, hand: Any, transport: Any) -> None:
        run_id, worker = enqueue(), hand()
        [run] = worker.runs()
        write(transport, worker, run, "one", "two", "three")
        lines = ask(api, "GET", f"/api/v1/runs/{run_id}/logs?limit=2")["logs"]
        rest = ask(api, "GET", f"/api/v1/runs/{run_id}/logs?after={lines[-1]['id']}")
        assert [line["message"] for line in rest["logs"]] == ["three"]
        assert (rest["status"], rest["terminal"]) == ("processing", False)


class TestLists:
    def test_tasks(self, api: Program, hand: Any) -> None:
        hand("a", "b", description="Does it.")
        tasks = ask(api, "GET", "/api/v1/tasks")["tasks"]
        assert [(task["name"], task["workers"], task["description"]) for task in tasks] == [
            ("a", 1, "Does it."),
            ("b", 1, "Does it."),
        ]
        assert ask(api, "GET", "/api/v1/tasks/b")["name"] == "b"
        ask(api, "GET", "/api/v1/tasks/c", status=404)

    def test_services(self, api: Program, hand: Any) -> None:
        hand()
        [service] = ask(api, "GET", "/api/v1/services")["services"]
        assert (service["kind"], service["state"]) == ("worker", "alive")

    def test_a_queue_is_paused_resumed_and_bounded(self, api: Program, enqueue: Any, hand: Any) -> None:
        enqueue()
        assert ask(api, "POST", "/api/v1/queues/default/pause", {"note": "stop"})["pause_note"] == "stop"
        [queue] = ask(api, "GET", "/api/v1/queues")["queues"]
        assert (queue["name"], queue["paused_at"] is None) == ("default", False)
        assert hand().runs() == []
        assert ask(api, "POST", "/api/v1/queues/default/resume")["paused_at"] is None
        path = "/api/v1/queues/default/limit"
        ask(api, "POST", path, {"concurrency": 2, "rate": 5})
        assert ask(api, "POST", path, {"concurrency": 3})["rate"] == 5
        cleared = ask(api, "POST", path, {"rate": None})
        assert (cleared["concurrency"], cleared["rate"]) == (3, None)
        ask(api, "POST", path, {"rate": 0}, 422)
        ask(api, "POST", path, {"concurrency": 0}, 422)


class TestTrigger:
    def test_a_run_in_the_words_of_others(self, api: Program, hand: Any) -> None:
        ask(api, "POST", "/trigger", {"taskId": "task", "payload": {}}, 404)
        worker = hand(schema={"type": "object", "required": ["itemId"]})
        ask(api, "POST", "/trigger", {"taskId": "task", "payload": {}}, 422)
        ask(api, "POST", "/trigger", {"payload": {}}, 422)
        made = ask(api, "POST", "/trigger", {"taskId": "task", "payload": {"itemId": "1"}})
        run_id = made["id"]
        status = {"id": run_id, "status": "QUEUED", "output": None, "error": None}
        assert ask(api, "GET", f"/trigger/runs/{run_id}") == status
        with api.http.stream("GET", f"/jobs/stream/{run_id}") as answer:
            events = parsed(answer.iter_lines())
            assert next(events)["data"] == status
            [run] = worker.runs()
            assert next(events)["data"]["status"] == "EXECUTING"
            worker.finish(run, result={"ok": True})
            rest = list(events)
        done = {**status, "status": "COMPLETED", "output": {"ok": True}}
        assert [(event["event"], event["data"]) for event in rest] == [("message", done), ("end", done)]
        assert ask(api, "GET", f"/trigger/runs/{run_id}") == done
        answer = api.ask("GET", f"/jobs/stream/{run_id}", headers={"last-event-id": rest[-1]["id"]})
        assert answer.status_code == 204

    def test_each_end_has_its_state(self, api: Program, hand: Any, enqueue: Any) -> None:
        worker = hand()
        for outcome, state in (("failed", "FAILED"), ("cancelled", "CANCELLED")):
            run_id = enqueue(max_attempts=1)
            worker.finish(*eventually(worker.runs), outcome=outcome, error={"message": "why"})
            assert ask(api, "GET", f"/trigger/runs/{run_id}")["status"] == state
            with api.http.stream("GET", f"/jobs/stream/{run_id}") as answer:
                assert [event["data"]["status"] for event in parsed(answer.iter_lines())] == [state, state]

    def test_what_is_not_there(self, api: Program) -> None:
        for path in ("/trigger/runs/9", "/jobs/stream/9", "/api/v1/runs/9", "/api/v1/runs/9/logs"):
            ask(api, "GET", path, status=404)
        for action in ("cancel", "retry", "token"):
            ask(api, "POST", f"/api/v1/runs/9/{action}", status=404)
        for action in ("trigger", "pause", "resume"):
            ask(api, "POST", f"/api/v1/schedules/9/{action}", status=404)
        for part in ("firings", "next", "why"):
            ask(api, "GET", f"/api/v1/schedules/9/{part}", status=404)
