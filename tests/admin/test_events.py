"""Live events: nothing is lost and nothing comes twice, however often a stream breaks."""

import itertools
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from hourhand.transport import Transport
from tests.admin.house import House, Program
from tests.sql.conftest import Hand
from tests.support.waiting import eventually

Event = dict[str, Any]


def parsed(lines: Iterator[str]) -> Iterator[Event]:
    """Each event of a stream, as a browser reads it."""
    event: Event = {}
    for line in lines:
        if not line:
            if "data" in event:
                yield event
            event = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            event[name] = json.loads(value) if name == "data" else value


@contextmanager
def stream(program: Program, query: str, last: str = "") -> Iterator[Iterator[Event]]:
    headers = {"last-event-id": last} if last else {}
    with program.http.stream("GET", f"/api/v1/events?{query}", headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield parsed(answer.iter_lines())


def names(events: list[Event]) -> list[str]:
    return [event["event"] for event in events]


def write(transport: Transport, hand: Hand, run: dict[str, Any], *messages: str, first: int = 1) -> None:
    lines = [
        {"run_id": run["id"], "token": run["token"], "attempt": run["attempt"], "seq": first + number,
         "at": "2026-11-22T06:00:00Z", "level": "INFO", "message": message}
        for number, message in enumerate(messages)
    ]  # fmt: skip
    answer = transport.call("append_logs", {"p_session": hand.session, "p_logs": lines})
    assert answer == {"stored": len(lines), "stale": 0}


def test_a_run_is_followed_from_its_beginning_to_its_end(
    house: House, transport: Transport, enqueue: Any, hand: Any
) -> None:
    run_id = enqueue()
    worker = hand()
    with stream(house.program("viewer"), f"run={run_id}") as events:
        first = next(events)
        assert (first["event"], first["data"]["id"], first["data"]["status"]) == ("run", run_id, "pending")
        [run] = worker.runs()
        assert next(events)["data"]["status"] == "processing"
        write(transport, worker, run, "one", "two\nlines", "\r\nevent: forged\ndata: 1\n\n")
        lines = [next(events) for _ in range(3)]
        assert names(lines) == ["log"] * 3
        assert [line["data"]["message"] for line in lines] == [
            "one",
            "two\nlines",
            "\r\nevent: forged\ndata: 1\n\n",
        ]
        transport.call(
            "set_progress", {"p_run_id": run_id, "p_token": run["token"], "p_progress": {"done": 1}}
        )
        assert next(events)["data"]["progress"] == {"done": 1}
        write(transport, worker, run, "the last", first=4)
        worker.finish(run, result={"items": 3})
        rest = list(events)
    assert names(rest) == ["log", "run", "run-end", "end"]
    assert rest[1]["data"]["result"] == {"items": 3}
    assert rest[2]["data"] == {"id": run_id, "status": "completed"}


def test_over_fifty_breaks_nothing_is_lost_and_nothing_comes_twice(
    house: House,
    transport: Transport,
    enqueue: Any,
    hand: Any,
    record_property: Callable[[str, object], None],
) -> None:
    watched = [enqueue(), enqueue()]
    worker = hand()
    runs = worker.runs()
    program = house.program("viewer")
    each, written = 400, threading.Event()

    def work() -> None:
        for number in range(1, each + 1, 5):
            for run in runs:
                write(transport, worker, run, *(f"{number + i}" for i in range(5)), first=number)
        worker.finish(*runs)
        written.set()

    worker_thread = threading.Thread(target=work)
    worker_thread.start()
    seen: list[Event] = []
    breaks, last, over = 0, "", False
    query = "&".join(f"run={run}" for run in watched)
    while not over:
        with stream(program, query, last) as events:
            for taken, event in enumerate(events):
                if event["event"] == "end":
                    over = True
                    break
                seen.append(event)
                last = event["id"]
                if taken == 9 and breaks < 60:
                    breaks += 1
                    break
    worker_thread.join()
    assert breaks >= 50
    expected = Counter((run, str(number)) for run in watched for number in range(1, each + 1))
    came = Counter((e["data"]["run_id"], e["data"]["message"]) for e in seen if e["event"] == "log")
    lost, doubled = (expected - came).total(), (came - expected).total()
    record_property(
        "measured", f"live events: {came.total()} lines over {breaks} breaks, {lost} lost, {doubled} doubled"
    )
    assert (lost, doubled) == (0, 0)
    for run in watched:
        of_run = [event for event in seen if event["data"].get("run_id", event["data"].get("id")) == run]
        lines = [event["data"]["message"] for event in of_run if event["event"] == "log"]
        assert lines == [str(number) for number in range(1, each + 1)]
        states = [event["data"] for event in of_run if event["event"] == "run"]
        assert states[-1]["status"] == "completed"
        assert all(one != other for one, other in itertools.pairwise(states))
        assert names(of_run)[-2:] == ["run", "run-end"]
        assert names(of_run).count("run-end") == 1
    ids = [event["id"] for event in seen]
    assert len(ids) == len(set(ids))


def test_who_comes_back_after_the_end_is_told_to_stay_away(house: House, enqueue: Any, hand: Any) -> None:
    run_id = enqueue()
    worker = hand()
    worker.finish(*worker.runs())
    program = house.program("viewer")
    with stream(program, f"run={run_id}") as events:
        last = [event for event in events if "id" in event][-1]["id"]
    answer = program.ask("GET", f"/api/v1/events?run={run_id}", headers={"last-event-id": last})
    assert (answer.status_code, answer.content) == (204, b"")


def test_a_run_that_is_not_there_ends_at_once(house: House) -> None:
    with stream(house.program("viewer"), "run=999") as events:
        assert [(event["event"], event["data"].get("status")) for event in events] == [
            ("run", None),
            ("run-end", None),
            ("end", None),
        ]


@pytest.mark.parametrize("query", ["runs&schedules&services", ""])
def test_lists_are_told_about(
    house: House, transport: Transport, add_schedule: Any, enqueue: Any, hand: Any, query: str
) -> None:
    with stream(house.program("viewer"), query) as events:
        assert {next(events)["event"] for _ in range(3)} == {"runs", "schedules", "services"}
        add_schedule("news")
        assert next(events)["event"] == "schedules"
        enqueue()
        assert next(event["event"] for event in events if event["event"] != "schedules") == "runs"
        hand()
        assert "services" in {next(events)["event"] for _ in range(3)}


def test_it_goes_on_after_a_line_that_is_known(
    house: House, transport: Transport, enqueue: Any, hand: Any
) -> None:
    run_id = enqueue()
    worker = hand()
    [run] = worker.runs()
    write(transport, worker, run, "one", "two", "three")
    worker.finish(run)
    known = transport.call("get_logs", {"p_run_id": run_id})["logs"][1]["id"]
    with stream(house.program("viewer"), f"run={run_id}:{known}") as events:
        assert [event["data"].get("message") for event in events if event["event"] == "log"] == ["three"]


def test_many_lines_and_large_ones_come_in_order(
    house: House, transport: Transport, enqueue: Any, hand: Any
) -> None:
    run_id = enqueue()
    worker = hand()
    [run] = worker.runs()
    for first in range(1, 3000, 1000):
        write(transport, worker, run, *(f"{first + i} {'x' * 1500}" for i in range(1000)), first=first)
    worker.finish(run)
    with stream(house.program("viewer"), f"run={run_id}") as events:
        seen = list(events)
    lines = [int(event["data"]["message"].split()[0]) for event in seen if event["event"] == "log"]
    assert lines == list(range(1, 3001))
    assert names(seen)[-3:] == ["run", "run-end", "end"]


@pytest.mark.parametrize("last", ["", "x", "1:2:3", "7:1:0123456789ab", "1" * 3000, "%00", "runs:<script>"])
def test_an_id_that_cannot_be_read_starts_anew(house: House, enqueue: Any, last: str) -> None:
    run_id = enqueue()
    with stream(house.program("viewer"), f"run={run_id}", last) as events:
        assert next(events)["data"]["status"] == "pending"


def test_streams_share_one_poll_and_leave_no_trace(house: House, enqueue: Any) -> None:
    run_id = enqueue()
    hub = house.app.state.live
    asked: list[Any] = []
    call = house.transport.call

    def counted(function: str, params: Any = None, **how: Any) -> Any:
        asked.extend([params] if function == "get_changes" else [])
        return call(function, params, **how)

    program = house.program("viewer")
    hub._transport = type("Counted", (), {"call": staticmethod(counted)})()
    streams = [stream(program, f"run={run_id}") for _ in range(8)]
    opened = [each.__enter__() for each in streams]
    for events in opened:
        next(events)
    assert (hub.streams, hub.runs) == (8, 8)
    before = len(asked)
    eventually(lambda: len(asked) >= before + 3, 10)
    assert all(len(params["p_runs"]) == 1 for params in asked)
    for each in streams:
        each.__exit__(None, None, None)
    eventually(lambda: (hub.streams, hub.runs) == (0, 0), 10)


def test_there_are_not_more_streams_than_can_be_served(
    house: House, enqueue: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hourhand_admin.web.live.hub.MOST_STREAMS", 1)
    program, run_id = house.program("viewer"), enqueue()
    with stream(program, f"run={run_id}") as events:
        next(events)
        answer = program.ask("GET", f"/api/v1/events?run={run_id}")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_stream_outlives_an_outage_of_the_database(house: House, enqueue: Any, hand: Any) -> None:
    run_id = enqueue()
    hub = house.app.state.live
    with stream(house.program("viewer"), f"run={run_id}") as events:
        next(events)
        transport, hub._transport = hub._transport, None
        eventually(lambda: hub._failing, 10)
        worker = hand()
        worker.finish(*worker.runs())
        hub._transport = transport
        assert names(list(events))[-1] == "end"


def test_a_silent_stream_says_that_it_is_alive(
    house: House, enqueue: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hourhand_admin.web.live.stream.HEARTBEAT", 1.5)
    program = house.program("viewer")
    with program.http.stream("GET", f"/api/v1/events?run={enqueue()}") as answer:
        assert next(line for line in answer.iter_lines() if line == ": alive")


def test_an_old_stream_ends_without_an_end_so_that_it_is_opened_anew(
    house: House, enqueue: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hourhand_admin.web.live.stream.LONGEST", 1.5)
    with stream(house.program("viewer"), f"run={enqueue()}") as events:
        assert names(list(events)) == ["run"]


def test_a_stream_ends_with_the_login_or_token_that_opened_it(
    house: House, transport: Transport, enqueue: Any, sql: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hourhand_admin.web.live.stream.ASKED_EVERY", 0.1)
    run_id = enqueue()
    person, program, nobody = house.person("viewer"), house.program("viewer"), house.program(None)
    token = program.ask("POST", f"/api/v1/runs/{run_id}/token").json()["token"]
    with (
        person.http.stream("GET", f"/api/v1/events?run={run_id}") as by_login,
        stream(program, f"run={run_id}") as by_token,
        stream(nobody, f"run={run_id}&token={token}") as by_run_token,
    ):
        streams = [parsed(by_login.iter_lines()), by_token, by_run_token]
        assert [next(events)["event"] for events in streams] == ["run"] * 3
        transport.call("lock_user", {"p_name": "viewer"})
        [known] = transport.call("list_api_tokens")["tokens"]
        transport.call("revoke_api_token", {"p_name": known["name"]})
        sql("update hourhand_parts.run_tokens set expires_at = hourhand.clock()")
        assert [list(events) for events in streams] == [[], [], []]


def test_streams_end_with_the_admin(house: House, enqueue: Any) -> None:
    with stream(house.program("viewer"), f"run={enqueue()}") as events:
        next(events)
        house.app.state.closing.begin()
        assert list(events) == []


def test_what_makes_no_sense_is_refused(house: House) -> None:
    program = house.program("viewer")
    many = "&".join(f"run={number}" for number in range(21))
    for query in ("run=x", "run=-1", "run=1:x", f"run={'9' * 30}", many, "run=1%00"):
        answer = program.ask("GET", f"/api/v1/events?{query}")
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), (
            query
        )


def test_late_lines_of_an_earlier_attempt_do_not_get_lost(
    house: House, transport: Transport, enqueue: Any, hand: Any, connect: Any
) -> None:
    """Lines get their ids before they are committed: without an order, a later one may be seen before."""
    run_id = enqueue()
    worker = hand()
    [earlier] = worker.runs()
    worker.finish(earlier, outcome="retry", delay=0)
    [now] = eventually(worker.runs)
    late = connect(autocommit=False)
    lines = [{"run_id": run_id, "token": earlier["token"], "attempt": 1, "seq": 1, "level": "INFO",
              "at": "2026-11-22T06:00:00Z", "message": "late"}]  # fmt: skip
    with stream(house.program("viewer"), f"run={run_id}") as events:
        next(events)
        late.execute("select hourhand.append_logs(%s, %s)", (worker.session, json.dumps(lines)))
        writing = threading.Thread(target=write, args=(transport, worker, now, "on time"))
        writing.start()
        looked = house.app.state.live._last
        eventually(lambda: house.app.state.live._last > looked + 1.5, 20)
        late.commit()
        writing.join()
        worker.finish(now)
        said = [event["data"]["message"] for event in events if event["event"] == "log"]
    assert said == ["late", "on time"]


def test_a_token_shows_one_run_for_a_while_and_nothing_else(
    house: House, transport: Transport, enqueue: Any, sql: Any
) -> None:
    run_id, other = enqueue(), enqueue()
    nobody, viewer = house.program(None), house.program("viewer")
    made = viewer.ask("POST", f"/api/v1/runs/{run_id}/token")
    assert made.status_code == 201
    token = made.json()["token"]
    assert token not in str(sql("select * from hourhand_parts.run_tokens"))
    with stream(nobody, f"run={run_id}&token={token}") as events:
        assert next(events)["data"]["id"] == run_id
    for path in (f"/api/v1/runs/{run_id}", f"/api/v1/runs/{run_id}/logs", f"/trigger/runs/{run_id}"):
        assert nobody.ask("GET", f"{path}?token={token}").status_code == 200, path
    for path in (
        f"/api/v1/events?run={other}",
        f"/api/v1/events?run={run_id}&run={other}",
        f"/api/v1/events?run={run_id}&runs",
        "/api/v1/events",
        f"/api/v1/runs/{other}",
        f"/trigger/runs/{other}",
        f"/jobs/stream/{other}",
    ):
        sign = "&" if "?" in path else "?"
        assert nobody.ask("GET", f"{path}{sign}token={token}").status_code == 403, path
    for path in ("/api/v1/runs", "/api/v1/schedules"):
        assert nobody.ask("GET", f"{path}?token={token}").status_code == 422, path
    assert nobody.ask("POST", f"/api/v1/runs/{run_id}/cancel?token={token}").status_code == 422
    assert nobody.ask("GET", f"/api/v1/runs/{run_id}?token={token}x").status_code == 401
    sql("update hourhand_parts.run_tokens set expires_at = hourhand.clock()")
    assert nobody.ask("GET", f"/api/v1/runs/{run_id}?token={token}").status_code == 401
