"""Schedules and their firings: compare-and-swap, the ledger, overlap, quarantine, edits."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from hourhand.errors import BadInput, Conflict, NotFound
from hourhand.sql.script import read as read_schema
from hourhand.transport.postgres import PostgresTransport
from tests.sql.conftest import Hand

SESSION = "00000000-0000-0000-0000-00000000000a"
OTHER = "00000000-0000-0000-0000-00000000000b"
Sql = Callable[..., list[Any]]


class Hour:
    """A scheduler by hand: plans and fires one schedule."""

    def __init__(self, transport: PostgresTransport, name: str = "s", **columns: Any) -> None:
        self.transport = transport
        schedule = {"name": name, "task": "task", "every": 3600, **columns}
        self.id = transport.call("put_schedule", {"p_schedule": schedule})["id"]
        self.now = datetime.fromisoformat(transport.call("info")["now"])

    def at(self, seconds: float) -> str:
        return (self.now + timedelta(seconds=seconds)).isoformat()

    def read(self) -> dict[str, Any]:
        found: dict[str, Any] = self.transport.call("get_schedule", {"p_schedule": f"id:{self.id}"})
        return found

    def entry(self, *instants: float, then: float | None = 3600, **more: Any) -> dict[str, Any]:
        row = self.read()
        return {
            "schedule_id": self.id,
            "revision": row["revision"],
            "next_run_at": row["next_run_at"],
            "then": None if then is None else self.at(then),
            "runs": [{"at": self.at(s)} for s in instants],
            **more,
        }

    def fire(self, *entries: dict[str, Any], session: str = SESSION) -> list[dict[str, Any]]:
        results: list[dict[str, Any]] = self.transport.call(
            "fire", {"p_session": session, "p_firings": list(entries)}
        )["results"]
        return results

    def plan(self, seconds: float) -> None:
        (result,) = self.fire(self.entry(then=seconds))
        assert result["outcome"] == "planned"


@pytest.fixture
def hour(transport: PostgresTransport) -> Callable[..., Hour]:
    def hour(**columns: Any) -> Hour:
        return Hour(transport, **columns)

    return hour


def test_a_due_instant_becomes_one_run_and_one_ledger_row(hour: Callable[..., Hour], sql: Sql) -> None:
    schedule = hour(payload={"limit": 50}, priority=3, max_attempts=2, timeout=90)
    schedule.plan(-5)
    entry = schedule.entry(-5)
    (result,) = schedule.fire(entry)
    assert result["outcome"] == "fired"
    assert sql(
        "select schedule_id, scheduled_for, payload, priority, max_attempts, timeout::text, trigger from hourhand.job_runs"
    ) == [(schedule.id, schedule.now - timedelta(seconds=5), {"limit": 50}, 3, 2, "00:01:30", "schedule")]
    assert sql("select decision, run_id from hourhand.schedule_firings") == [
        ("fired", result["runs"][0]["id"])
    ]
    assert [again["outcome"] for again in schedule.fire(entry, entry, session=OTHER)] == ["lost", "lost"]
    assert sql("select count(*) from hourhand.job_runs") == [(1,)]


def test_an_instant_in_the_future_is_early_and_nothing_happens(hour: Callable[..., Hour], sql: Sql) -> None:
    schedule = hour()
    schedule.plan(30)
    (result,) = schedule.fire(schedule.entry(30))
    assert result["outcome"] == "early"
    assert 25_000 < result["early_ms"] <= 30_000
    assert sql("select count(*) from hourhand.schedule_firings") == [(0,)]


@pytest.mark.parametrize(
    "edit",
    [
        "update hourhand.scheduled_jobs set every = '2 hours'",
        "update hourhand.scheduled_jobs set is_active = false",
        "update hourhand.scheduled_jobs set paused_until = hourhand.clock() + interval '1 day'",
        "delete from hourhand.scheduled_jobs",
    ],
)
def test_an_edit_between_read_and_fire_wins(hour: Callable[..., Hour], sql: Sql, edit: str) -> None:
    schedule = hour()
    schedule.plan(-5)
    entry = schedule.entry(-5)
    sql(edit)
    (result,) = schedule.fire(entry)
    assert result["outcome"] in ("lost", "gone")
    assert sql("select count(*) from hourhand.job_runs") == [(0,)]


def test_an_entry_that_does_not_say_what_was_read_fires_nothing(hour: Callable[..., Hour]) -> None:
    schedule = hour()
    schedule.plan(-5)
    entry = schedule.entry(-5)
    (result,) = schedule.fire({name: value for name, value in entry.items() if name != "revision"})
    assert (result["outcome"], result["runs"]) == ("lost", [])
    gone, fired = schedule.fire({**entry, "schedule_id": 999, "then": "never"}, entry)
    assert (gone["outcome"], fired["outcome"]) == ("gone", "fired")


def test_an_edit_of_timing_or_a_resume_asks_for_a_new_plan_and_one_of_the_payload_does_not(
    hour: Callable[..., Hour], transport: PostgresTransport, sql: Sql
) -> None:
    """One of a policy leaves the plan as it is, too, but who has read the row before fires it no more."""
    schedule = hour()
    schedule.plan(100)
    before = schedule.read()
    transport.call("put_schedule", {"p_schedule": {"name": "s", "payload": {"n": 1}}, "p_mode": "update"})
    after = schedule.read()
    assert (after["revision"], after["next_run_at"]) == (before["revision"], before["next_run_at"])
    for column in ("catch_up = 'all'", "catch_up_window = '1 h'", "catch_up_limit = 5", "jitter = '1 s'",
                   "start_deadline = '1 h'", "profile = 'sleeper'"):  # fmt: skip
        sql(f"update hourhand.scheduled_jobs set {column}")
        after = schedule.read()
        assert (after["revision"], after["next_run_at"]) == (before["revision"] + 1, before["next_run_at"])
        before = after
    transport.call("pause_schedule", {"p_schedule": "s", "p_note": "holiday"})
    transport.call("resume_schedule", {"p_schedule": "s"})
    after = schedule.read()
    assert (after["revision"], after["next_run_at"], after["is_active"]) == (
        before["revision"] + 2,
        None,
        True,
    )


def test_a_schedule_without_a_timezone_gets_the_schedulers_with_its_first_plan(
    hour: Callable[..., Hour], sql: Sql
) -> None:
    schedule = hour()
    schedule.fire(schedule.entry(then=60, timezone="Europe/Berlin"))
    row = schedule.read()
    assert (row["timezone"], row["revision"]) == ("Europe/Berlin", 1)
    assert row["next_run_at"] is not None
    sql("update hourhand.scheduled_jobs set timezone = 'Asia/Tokyo'")
    told = sql(
        "select action, before ->> 'timezone', after ->> 'timezone' from hourhand.audit_log order by id"
    )
    assert told == [
        ("schedule.created", None, None),
        ("schedule.changed", "Europe/Berlin", "Asia/Tokyo"),
    ], "what people have done, and no more"


def test_a_schedule_that_never_fires_again_is_inactive(hour: Callable[..., Hour]) -> None:
    schedule = hour(every=None, run_at="2026-01-01T00:00:00")
    schedule.plan(-5)
    schedule.fire(schedule.entry(-5, then=None))
    assert not schedule.read()["is_active"]


@pytest.mark.parametrize(
    ("overlap", "decisions", "pending"),
    [
        ("skip", ["fired", "skipped_overlap", "skipped_overlap"], 1),
        ("buffer_one", ["fired", "skipped_overlap", "skipped_overlap"], 1),
        ("buffer_all", ["fired", "fired", "fired"], 3),
        ("cancel_other", ["fired", "fired", "fired"], 1),
        ("allow_all", ["fired", "fired", "fired"], 3),
    ],
)
def test_overlap_with_a_run_that_nobody_has_begun(
    hour: Callable[..., Hour], sql: Sql, overlap: str, decisions: list[str], pending: int
) -> None:
    schedule = hour(overlap=overlap)
    schedule.plan(-30)
    found = []
    for seconds in (-30, -20, -10):
        (result,) = schedule.fire(schedule.entry(seconds, then=seconds + 10))
        found += [run["decision"] for run in result["runs"]]
    assert found == decisions
    assert sql("select count(*) from hourhand.job_runs where status = 'pending'") == [(pending,)]


@pytest.mark.parametrize(
    ("overlap", "claimable", "decision"),
    [
        ("skip", 0, "skipped_overlap"),
        ("buffer_one", 0, "fired"),
        ("buffer_all", 0, "fired"),
        ("cancel_other", 0, "fired"),
        ("allow_all", 1, "fired"),
    ],
)
def test_overlap_with_a_running_run(
    hour: Callable[..., Hour], hand: Callable[..., Hand], overlap: str, claimable: int, decision: str
) -> None:
    schedule = hour(overlap=overlap)
    schedule.plan(-30)
    schedule.fire(schedule.entry(-30, then=-20))
    worker = hand()
    (first,) = worker.runs()
    (result,) = schedule.fire(schedule.entry(-20, then=-10))
    assert [run["decision"] for run in result["runs"]] == [decision]
    assert len(worker.runs()) == claimable
    assert len(worker.beat(first)["cancel"]) == (1 if overlap == "cancel_other" else 0)
    worker.finish(first)
    assert len(worker.runs()) == (1 if decision == "fired" and not claimable else 0)


def test_a_run_by_hand_takes_no_firing_its_place_behind_the_run_before(
    hour: Callable[..., Hour], hand: Callable[..., Hand], transport: PostgresTransport
) -> None:
    schedule = hour(overlap="buffer_one")
    schedule.plan(-5)
    schedule.fire(schedule.entry(-5, then=-4))
    hand().runs()
    transport.call("trigger_schedule", {"p_schedule": "s"})
    (buffered,) = schedule.fire(schedule.entry(-4, then=-3))
    (skipped,) = schedule.fire(schedule.entry(-3))
    assert [each["runs"][0]["decision"] for each in (buffered, skipped)] == ["fired", "skipped_overlap"]


def test_a_skipped_firing_names_the_run_that_held_it(hour: Callable[..., Hour], sql: Sql) -> None:
    schedule = hour()
    schedule.plan(-30)
    run = schedule.fire(schedule.entry(-30, then=-20))[0]["runs"][0]
    schedule.fire(schedule.entry(-20, then=-10))
    assert sql(
        "select decision, reason, run_id from hourhand.schedule_firings order by scheduled_for desc limit 1"
    ) == [("skipped_overlap", f"run {run['id']} of this schedule was still pending", run["id"])]


def test_runs_of_one_catch_up_follow_each_other(hour: Callable[..., Hour], hand: Callable[..., Hand]) -> None:
    schedule = hour(catch_up="all")
    schedule.plan(-30)
    (result,) = schedule.fire(schedule.entry(-30, -20, -10))
    assert [run["decision"] for run in result["runs"]] == ["fired"] * 3
    worker = hand()
    for run in result["runs"]:
        (claimed,) = worker.runs()
        assert claimed["id"] == run["id"]
        worker.finish(claimed)


def test_a_stretch_that_did_not_run_is_one_ledger_row(hour: Callable[..., Hour], sql: Sql) -> None:
    schedule = hour()
    schedule.plan(-7200)
    note = {
        "from": schedule.at(-7200),
        "until": schedule.at(-60),
        "count": 120,
        "decision": "missed",
        "reason": "nobody was alive",
    }
    schedule.fire(schedule.entry(-30, notes=[note]))
    assert sql("select decision, count, reason from hourhand.schedule_firings order by scheduled_for") == [
        ("missed", 120, "nobody was alive"),
        ("fired", 1, None),
    ]


@pytest.mark.parametrize(
    ("columns", "more"),
    [
        ({}, {}),
        ({"overlap": "allow_all"}, {"then": None}),
        ({"max_runs": 1}, {}),
        ({}, {"error": "it makes no sense"}),
        ({"rank_intervals": {"1": 5}}, {}),
    ],
    ids=["simple", "the last", "the last of max_runs", "set aside", "fleet"],
)
def test_a_call_whose_answer_was_lost_gets_the_same_answer_again(
    hour: Callable[..., Hour],
    transport: PostgresTransport,
    sql: Sql,
    columns: dict[str, Any],
    more: dict[str, Any],
) -> None:
    schedule = hour(**columns)
    if "rank_intervals" in columns:
        items = [{"item": name, "due_at": schedule.at(-9)} for name in "ab"]
        transport.call("set_items", {"p_schedule": "s", "p_items": items})
    schedule.plan(-5)
    entry = schedule.entry(-5, **more)
    first, again, other = (schedule.fire(entry, session=session) for session in (SESSION, SESSION, OTHER))
    runs = [{"id": run["id"], "at": run["at"], "decision": run["decision"]} for run in first[0]["runs"]]
    assert again == [{**first[0], "runs": runs}]
    assert other[0]["outcome"] == "lost"
    assert sql("select count(*) from hourhand.job_runs") == [(len(runs),)]


def test_a_repeated_plan_and_a_repeated_skip_are_told_again(hour: Callable[..., Hour]) -> None:
    schedule = hour()
    plan = schedule.entry(then=-10)
    assert schedule.fire(plan) == schedule.fire(plan)
    schedule.fire(schedule.entry(-10, then=-5))
    skipped = schedule.entry(-5)
    assert schedule.fire(skipped) == schedule.fire(skipped)
    assert schedule.fire(skipped)[0]["runs"][0]["decision"] == "skipped_overlap"


def test_an_edit_after_the_firing_changes_nothing_about_its_answer(
    hour: Callable[..., Hour], sql: Sql
) -> None:
    schedule = hour()
    schedule.plan(-5)
    entry = schedule.entry(-5)
    first = schedule.fire(entry)
    sql("update hourhand.scheduled_jobs set every = '2 h'")
    assert schedule.fire(entry) == first


PAUSED = {"decision": "paused", "reason": "paused until later", "count": 1}


def test_the_instants_of_a_pause_are_one_stretch_that_grows(hour: Callable[..., Hour], sql: Sql) -> None:
    schedule = planned_long_ago(hour, sql, -9)
    for at in range(-9, -4):
        schedule.fire(schedule.entry(then=at + 1, notes=[{**PAUSED, "from": schedule.at(at)}]))
    assert stretches(sql, schedule) == [("paused", -9, -5, 5)]
    # Another reason is another stretch, and so is what comes after a run.
    schedule.fire(schedule.entry(then=-3, notes=[{**PAUSED, "reason": "x", "from": schedule.at(-4)}]))
    schedule.fire(schedule.entry(-3, then=-2))
    schedule.fire(schedule.entry(then=-1, notes=[{**PAUSED, "reason": "x", "from": schedule.at(-2)}]))
    assert stretches(sql, schedule) == [
        ("paused", -9, -5, 5), ("paused", -4, -4, 1), ("fired", -3, -3, 1), ("paused", -2, -2, 1),
    ]  # fmt: skip


def test_a_pause_ends_in_the_time_to_come_unless_it_is_the_same_call_once_more(
    hour: Callable[..., Hour], transport: PostgresTransport, sql: Sql
) -> None:
    schedule = hour()
    with pytest.raises(BadInput, match="would be over already"):
        transport.call("pause_schedule", {"p_schedule": "s", "p_until": schedule.at(-1)})
    transport.call("pause_schedule", {"p_schedule": "s", "p_until": schedule.at(60)})
    assert schedule.read()["paused_until"] is not None
    sql("update hourhand.scheduled_jobs set paused_until = %s", schedule.at(-1))
    transport.call("pause_schedule", {"p_schedule": "s", "p_until": schedule.at(-1)})


def test_no_stretch_grows_over_instants_that_nobody_decided(hour: Callable[..., Hour], sql: Sql) -> None:
    schedule = planned_long_ago(hour, sql, -9)
    schedule.fire(schedule.entry(then=-8, notes=[{**PAUSED, "from": schedule.at(-9)}]))
    sql("update hourhand.scheduled_jobs set every = '2 s'")
    schedule.plan(-3)
    sql("update hourhand.scheduled_jobs set decided_until = %s", schedule.at(-4))
    schedule.fire(schedule.entry(then=1, notes=[{**PAUSED, "from": schedule.at(-3)}]))
    assert stretches(sql, schedule) == [("paused", -9, -9, 1), ("paused", -3, -3, 1)]


def test_a_stretch_is_not_counted_again_when_the_cursor_is_set_back(
    hour: Callable[..., Hour], sql: Sql
) -> None:
    schedule = planned_long_ago(hour, sql, -9)
    for at in (-9, -8):
        schedule.fire(schedule.entry(then=at + 1, notes=[{**PAUSED, "from": schedule.at(at)}]))
    sql("update hourhand.scheduled_jobs set next_run_at = %s", schedule.at(-9))
    schedule.fire(schedule.entry(then=1, notes=[{**PAUSED, "from": schedule.at(-9)}]))
    assert stretches(sql, schedule) == [("paused", -9, -8, 2)]


def test_instants_that_were_missed_stay_apart(hour: Callable[..., Hour], sql: Sql) -> None:
    """What was missed in one outage is told apart from what was missed in the next."""
    schedule = planned_long_ago(hour, sql, -9)
    for at in (-9, -8):
        note = {"decision": "missed", "reason": "late", "count": 1, "from": schedule.at(at)}
        schedule.fire(schedule.entry(then=at + 1, notes=[note]))
    assert stretches(sql, schedule) == [("missed", -9, -9, 1), ("missed", -8, -8, 1)]


def test_a_repeated_call_lets_no_stretch_grow_twice(hour: Callable[..., Hour], sql: Sql) -> None:
    schedule = planned_long_ago(hour, sql, -9)
    for at in (-9, -8):
        entry = schedule.entry(then=at + 1, notes=[{**PAUSED, "from": schedule.at(at)}])
        assert schedule.fire(entry) == schedule.fire(entry)
    assert stretches(sql, schedule) == [("paused", -9, -8, 2)]


def planned_long_ago(hour: Callable[..., Hour], sql: Sql, seconds: float) -> Hour:
    """Its first instant has passed, but came after its plan."""
    schedule = hour()
    schedule.plan(seconds)
    sql("update hourhand.scheduled_jobs set decided_until = %s", schedule.at(seconds - 1))
    return schedule


def stretches(sql: Sql, schedule: Hour) -> list[tuple[str, float, float, int]]:
    """Decision, first and last instant in seconds, count."""
    rows = sql(
        "select decision, scheduled_for, coalesce(scheduled_until, scheduled_for), count"
        " from hourhand.schedule_firings order by 2"
    )
    seconds = timedelta(seconds=1)
    return [(d, (a - schedule.now) / seconds, (z - schedule.now) / seconds, n) for d, a, z, n in rows]


def test_an_instant_already_in_the_ledger_makes_no_second_run(hour: Callable[..., Hour], sql: Sql) -> None:
    schedule = hour(overlap="allow_all")
    schedule.plan(-5)
    schedule.fire(schedule.entry(-5, then=60))
    sql("update hourhand.scheduled_jobs set next_run_at = %s", schedule.at(-5))
    entry = schedule.entry(-5, -4)
    (result,) = schedule.fire(entry)
    (made,) = result["runs"]
    assert datetime.fromisoformat(made["at"]) == schedule.now - timedelta(seconds=4)
    assert sql("select count(*) from hourhand.job_runs") == [(2,)]
    assert schedule.fire(entry) == [result], "nor is it told again when the answer was lost"


def test_a_row_that_cannot_become_a_run_is_set_aside_and_the_others_go_on(
    transport: PostgresTransport, sql: Sql
) -> None:
    bad, good = Hour(transport, "bad"), Hour(transport, "good")
    bad.plan(-5), good.plan(-5)
    poison = {**bad.entry(-5), "runs": [{"at": "not a time"}]}
    results = good.fire(poison, good.entry(-5))
    assert [result["outcome"] for result in results] == ["quarantined", "fired"]
    assert "not a time" in bad.read()["error"]
    named = [s["name"] for s in transport.call("due_schedules", {"p_horizon": 7200.0})["schedules"]]
    assert named == ["good"]
    transport.call("resume_schedule", {"p_schedule": "bad"})
    assert (bad.read()["error"], bad.read()["next_run_at"]) == (None, None)
    bad.fire({**bad.entry(), "error": "x" * 20_000})
    assert len(bad.read()["error"]) == 2000


@pytest.mark.parametrize("edit", ["jitter = '5 s'", "payload = '{}'", "cron = '5 * * * *', every = null"])
def test_any_edit_takes_back_what_was_set_aside(hour: Callable[..., Hour], sql: Sql, edit: str) -> None:
    schedule = hour(jitter=3)
    schedule.plan(-5)
    schedule.fire(schedule.entry(-5, error="it makes no sense"))
    before = schedule.read()
    assert before["error"] == "it makes no sense"
    sql(f"update hourhand.scheduled_jobs set {edit}")
    after = schedule.read()
    assert (after["error"], after["next_run_at"]) == (None, None), "and nothing fires at once"
    assert after["revision"] > before["revision"]


def test_due_schedules_come_in_pages_the_unplanned_first(transport: PostgresTransport) -> None:
    hours = [Hour(transport, f"s{n}") for n in range(7)]
    for number, hour in enumerate(hours[:4]):
        hour.plan(-number - 1)
    hours[4].plan(500)
    seen, cursor = [], None
    while True:
        page = transport.call("due_schedules", {"p_horizon": 60.0, "p_limit": 2, "p_after": cursor})
        seen += [schedule["name"] for schedule in page["schedules"]]
        cursor = page["more"]
        if cursor is None:
            break
    assert seen == ["s5", "s6", "s3", "s2", "s1", "s0"]


def test_put_schedule_creates_updates_and_leaves_alone(transport: PostgresTransport, sql: Sql) -> None:
    def put(schedule: dict[str, Any], mode: str) -> Any:
        return transport.call("put_schedule", {"p_schedule": schedule, "p_mode": mode})

    made = put(
        {"name": "s", "task": "t", "cron": "0 2 * * *", "tags": ["a"], "catch_up_window": 60}, "create"
    )
    assert made["outcome"] == "created"
    assert (made["schedule"]["catch_up_window"], made["schedule"]["tags"], made["schedule"]["catch_up"]) == (
        60,
        ["a"],
        "last",
    )
    sql("update hourhand.scheduled_jobs set next_run_at = now() + interval '1 hour'")
    sql("update hourhand.scheduled_jobs set timezone = 'UTC'")
    again = put(
        {"name": "s", "task": "t", "cron": "0 2 * * *", "tags": ["a"], "catch_up_window": 60}, "create"
    )
    assert (again["outcome"], again["id"]) == ("created", made["id"]), "as when an answer was lost"
    with pytest.raises(Conflict):
        put({"name": "s", "task": "t", "cron": "0 2 * * *"}, "create")
    assert put({"name": "s", "cron": "0 2 * * *"}, "update")["outcome"] == "unchanged"
    changed = put({"name": "s", "cron": None, "every": 60, "new_name": "renamed"}, "upsert")
    assert (changed["outcome"], changed["schedule"]["name"], changed["schedule"]["every"]) == (
        "updated",
        "renamed",
        60,
    )
    repeated = put({"name": "s", "cron": None, "every": 60, "new_name": "renamed"}, "upsert")
    assert (repeated["outcome"], repeated["id"]) == ("unchanged", made["id"])
    with pytest.raises(NotFound):
        put({"name": "missing", "every": 5}, "update")
    with pytest.raises(NotFound):
        put({"name": "missing", "new_name": "renamed"}, "update")
    for name in (" s", "s ", "a\nb", "x" * 201):
        with pytest.raises(BadInput, match="a schedule cannot be called"):
            put({"name": name, "task": "t", "every": 5}, "create")
    with pytest.raises(BadInput, match="colour"):
        put({"name": "x", "task": "t", "every": 5, "colour": 1}, "create")
    assert [row[0] for row in sql("select action from hourhand.audit_log order by id")] == [
        "schedule.created",
        "schedule.changed",
    ]


def test_a_change_of_what_was_read_may_be_repeated_and_is_refused_to_others(
    hour: Callable[..., Hour], transport: PostgresTransport
) -> None:
    hour(name="taken")
    read = hour().read()["updated_at"]

    def change(changes: dict[str, Any] | None, updated_at: str | None = read) -> str:
        params = {"p_schedule": "s", "p_changes": changes, "p_updated_at": updated_at}
        return str(transport.call("change_schedule", params)["outcome"])

    for updated_at in (read, None):
        with pytest.raises(Conflict, match='there is a schedule "taken" already'):
            change({"new_name": "taken"}, updated_at)
    assert [change({"every": 60}) for _ in range(2)] == ["updated", "unchanged"]
    assert [change({"every": 61}), change({"new_name": "taken"}), change(None)] == ["stale"] * 3
    assert change(None, None) == "deleted"


NO_SENSE = (
    "cron, every) values ('s', 't', '* * * * *', '1 hour'",
    "description) values ('s', 't', 'none'",
    "every) values ('s', 't', '0'",
    "every) values ('s', 't', '-1 hour'",
    "every) values ('s', 't', '1 mon -30 days'",
    "every) values ('s', 't', '0.5 s'",
    "every, starts_at) values ('s', 't', '1 h', 'infinity'",
    "every, paused_until) values ('s', 't', '1 h', '4000-01-01 BC'",
    "every, ends_at) values ('s', 't', '1 h', '20000-01-01'",
    "run_at) values ('s', 't', '0044-03-15 BC'",
    "every) values ('s', 't', '99999 days'",
    "every, jitter) values ('s', 't', '1 h', '1000000 years'",
    "every, start_deadline) values ('s', 't', '1 h', '2000 years'",
    "every, overlap) values ('s', 't', '1 h', 'maybe'",
    "every, priority) values ('s', 't', '1 h', 1000",
    "every, payload) values ('s', 't', '1 h', (repeat('[', 99) || repeat(']', 99))::jsonb",
    "every, id) values ('s', 't', '1 h', 0",
)
KEPT = (
    *(
        f"{column} = '{at}'"
        for column in ("created_at", "updated_at", "last_run_at", "decided_until")
        for at in ("infinity", "-infinity", "4000-01-01 BC", "20000-01-01")
    ),
    "run_count = -9223372036854775808",
    "run_count = 9223372036854775807",
    "revision = 0",
    "revision = 9223372036854775807",
    "error = repeat('x', 20000)",
)
"""What hourhand keeps itself, where it can be neither read nor counted on."""


def test_plain_sql_writes_no_schedule_that_makes_no_sense(sql: Sql, hour: Callable[..., Hour]) -> None:
    hour(name="there")
    inserts = [f"insert into hourhand.scheduled_jobs (name, task, {columns})" for columns in NO_SENSE]
    for statement in [*inserts, *(f"update hourhand.scheduled_jobs set {each}" for each in KEPT)]:
        with pytest.raises(psycopg.Error):  # noqa: PT012  (which one was not refused is to be told)
            sql(statement)
            pytest.fail(statement)


def test_a_schedule_from_before_that_nobody_can_read_is_mended(sql: Sql, hour: Callable[..., Hour]) -> None:
    """Else the constraints would refuse its next firing, and with it those of all others in the call."""
    schedule = hour(max_runs=9)
    for constraint in ("times_are_in_range", "counts_are_in_range", "error_is_short"):
        sql(f"alter table hourhand.scheduled_jobs drop constraint {constraint}")
    sql(
        "update hourhand.scheduled_jobs set created_at = 'infinity', updated_at = '-infinity', last_run_at = 'infinity',"
        " decided_until = '20000-01-01', run_count = -9, revision = -9, error = repeat('x', 20000)"
    )
    (migration,) = (one for one in read_schema().migrations if one.version == 18)
    sql(migration.sql)
    sql("update hourhand.scheduled_jobs set error = null")
    row = schedule.read()
    assert (row["last_run_at"], row["decided_until"], row["run_count"], row["revision"]) == (None, None, 0, 1)
    assert datetime.fromisoformat(row["created_at"]) < datetime.fromisoformat(row["updated_at"]) + timedelta(
        days=1
    )
    schedule.plan(-5)
    assert schedule.fire(schedule.entry(-5))[0]["outcome"] == "fired"


PLAIN_WORDS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"task": ""}, 'task of a schedule cannot be ""'),
    ({"priority": 101}, 'priority of a schedule cannot be "101"'),
    ({"jitter": -1}, 'jitter of a schedule cannot be "-1"'),
    ({"cron": "* * * * *"}, "a schedule has exactly one of cron"),
    ({"every": 0.5}, "every is at least a second"),
    ({"payload": [0] * 200_000}, "the payload is larger than 256 kB"),
    ({"task": None}, "a schedule needs task"),
    ({"name": "id:7"}, 'a schedule cannot be called "id:7"'),
)


def test_what_a_constraint_refuses_is_told_in_plain_words(transport: PostgresTransport) -> None:
    for given, said in PLAIN_WORDS:
        with pytest.raises(BadInput, match=f"^{said}"):
            transport.call("put_schedule", {"p_schedule": {"name": "s", "task": "t", "every": 60, **given}})


def test_tags_are_a_list_of_texts_whatever_is_written(sql: Sql, transport: PostgresTransport) -> None:
    sql(
        "insert into hourhand.scheduled_jobs (name, task, every, tags) values ('s', 't', '1 h', '{{b,NULL},{a,b}}')"
    )
    assert transport.call("get_schedule", {"p_schedule": "s"})["tags"] == ["b", "a", "b"]
    sql("update hourhand.scheduled_jobs set tags = null")
    assert transport.call("get_schedule", {"p_schedule": "s"})["tags"] == []


def test_a_plain_insert_needs_name_task_and_timing_and_wakes_the_scheduler(
    sql: Sql, connect: Callable[..., psycopg.Connection[Any]], transport: PostgresTransport
) -> None:
    listener = connect()
    listener.execute("listen hourhand_schedules")
    sql(
        "insert into hourhand.scheduled_jobs (name, task, cron, next_run_at) values ('s', 't', '* * * * *', '2000-01-01')"
    )
    assert [notify.channel for notify in listener.notifies(timeout=5, stop_after=1)] == ["hourhand_schedules"]
    sql("update hourhand.scheduled_jobs set start_deadline = '5 min'")
    assert [notify.channel for notify in listener.notifies(timeout=5, stop_after=1)] == ["hourhand_schedules"]
    (schedule,) = transport.call("due_schedules")["schedules"]
    assert schedule["next_run_at"] is None, "an inserted row never fires at once"


def test_what_hourhand_keeps_of_a_schedule_begins_anew_whatever_is_inserted(sql: Sql) -> None:
    """As with a row that was copied."""
    kept = {
        "next_run_at": "2000-01-01", "last_run_at": "infinity", "decided_until": "9000-01-01", "last_entry": 7,
        "run_count": 7, "revision": 7, "error": "what", "created_at": "infinity", "updated_at": "2000-01-01",
    }  # fmt: skip
    sql(
        f"insert into hourhand.scheduled_jobs (name, task, every, {', '.join(kept)})"
        f" values ('s', 't', '1 h'{', %s' * len(kept)})",
        *kept.values(),
    )
    (row,) = sql(f"select {', '.join(kept)} from hourhand.scheduled_jobs")
    assert row[:7] == (None, None, None, None, 0, 1, None)
    (now,) = sql("select hourhand.clock()")
    assert [now[0] - at < timedelta(minutes=5) for at in row[7:]] == [True, True]


def test_trigger_now_runs_whatever_the_policies_and_leaves_no_ledger_row(
    hour: Callable[..., Hour], transport: PostgresTransport, sql: Sql
) -> None:
    schedule = hour(payload={"n": 1})
    transport.call("pause_schedule", {"p_schedule": "s"})
    request = {
        "p_schedule": "s",
        "p_payload": {"n": 2},
        "p_request_id": "00000000-0000-0000-0000-000000000001",
    }
    made = transport.call("trigger_schedule", request)
    assert transport.call("trigger_schedule", request) == {"id": made["id"], "outcome": "existing"}
    assert sql("select schedule_id, scheduled_for, trigger, payload from hourhand.job_runs") == [
        (schedule.id, None, "manual", {"n": 2})
    ]
    told = "select count(*) from hourhand.audit_log where action = 'schedule.triggered'"
    assert sql(told) == [(1,)], "a repeated call is no other deed"
    other = {**request, "p_schedule": str(hour(name="other").id)}
    assert transport.call("trigger_schedule", other)["outcome"] == "created", "a request may be about several"
    assert sql("select count(*) from hourhand.schedule_firings") == [(0,)]


def test_a_schedule_may_be_named_like_the_id_of_another(transport: PostgresTransport, sql: Sql) -> None:
    victim = Hour(transport, "victim")
    namesake = Hour(transport, str(victim.id))

    def found(text: str) -> int:
        return int(transport.call("get_schedule", {"p_schedule": text})["id"])

    assert [found(f"{victim.id}"), found(f"id:{victim.id}")] == [namesake.id, victim.id]
    assert [found(f"{namesake.id}"), found(f"id:{namesake.id}")] == [namesake.id, namesake.id]
    for statement in (
        "insert into hourhand.scheduled_jobs (name, task, every) values ('id:1', 't', '1 hour')",
        "update hourhand.scheduled_jobs set name = 'id:1'",
    ):
        with pytest.raises(psycopg.Error, match='cannot be called "id:1"'):
            sql(statement)
    unchanged = {"p_schedule": f"id:{victim.id}", "p_updated_at": victim.read()["updated_at"]}
    assert transport.call("change_schedule", unchanged)["outcome"] == "deleted"
    assert sql("select id from hourhand.scheduled_jobs") == [(namesake.id,)]


def test_sleepers_run_one_at_a_time(transport: PostgresTransport, sql: Sql) -> None:
    for number, overlap in enumerate(["skip", "buffer_all", "allow_all"]):
        sleeper = Hour(transport, f"s{number}", profile="sleeper", overlap=overlap)
        sleeper.plan(-5)
        sleeper.fire(sleeper.entry(-5))
        transport.call("trigger_schedule", {"p_schedule": f"s{number}"})
    assert sql("select concurrency_key, count(*) from hourhand.job_runs group by 1") == [
        ("hourhand.sleeper", 6)
    ]


def test_a_schedule_has_no_other_profile_than_sleeper(hour: Callable[..., Hour]) -> None:
    with pytest.raises(BadInput, match="profile"):
        hour(profile="napper")
