"""Backfill: instants that did not run are run after all, and the ledger stays right."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from hourhand.errors import BadInput, Conflict
from hourhand.transport.postgres import PostgresTransport
from tests.sql.conftest import Hand
from tests.sql.test_schedules import Hour

Sql = Callable[..., list[Any]]
HOUR = 3600


class Past(Hour):
    """A schedule by the hour whose last ten hours are written into the ledger as the test says."""

    def __init__(self, transport: PostgresTransport, **columns: Any) -> None:
        super().__init__(transport, **columns)
        self.plan(HOUR)

    def note(
        self, sql: Sql, first: int, last: int, decision: str = "missed", *, count: int | None = None
    ) -> None:
        """The instants from `first` to `last` hours ago did not run."""
        sql(
            "insert into hourhand.schedule_firings (schedule_id, scheduled_for, scheduled_until, count, decision, reason,"
            " decided_at) values (%s, %s, %s, %s, %s, 'nobody was there', hourhand.clock())",
            self.id, self.ago(first), self.ago(last), count or first - last + 1, decision,
        )  # fmt: skip

    def ago(self, hours: float) -> str:
        return self.at(-hours * HOUR)

    def backfill(self, *instants: Any, request: uuid.UUID | None = None) -> Any:
        given = [self.ago(each) if isinstance(each, int) else each for each in instants]
        return self.transport.call(
            "backfill", {"p_schedule": "s", "p_instants": given, "p_request_id": request or uuid.uuid4()}
        )

    def ledger(self, **params: Any) -> list[tuple[str, float, float, int]]:
        """Decision, hours ago from and until, and count of each row."""
        answer = self.transport.call("list_firings", {"p_schedule": "s", **params})
        return [
            (
                row["decision"],
                self._hours(row["scheduled_for"]),
                self._hours(row["scheduled_until"] or row["scheduled_for"]),
                row["count"],
            )
            for row in answer["firings"]
        ]

    def _hours(self, at: str) -> float:
        return round((self.now - datetime.fromisoformat(at)) / timedelta(hours=1), 3)


@pytest.fixture
def past(transport: PostgresTransport) -> Past:
    return Past(transport)


def test_an_instant_that_did_not_run_is_run(past: Past, sql: Sql) -> None:
    past.note(sql, 5, 5, "skipped_overlap")
    answer = past.backfill(5)
    assert (answer["created"], answer["existing"]) == (1, 0)
    (run,) = answer["runs"]
    assert sql(
        "select id, trigger, scheduled_for, run_at <= hourhand.clock(), status from hourhand.job_runs"
    ) == [(run["id"], "backfill", past.now - timedelta(hours=5), True, "pending")]
    assert sql("select decision, reason, run_id, count, scheduled_until from hourhand.schedule_firings") == [
        ("backfilled", "was skipped_overlap: nobody was there", run["id"], 1, None)
    ]


def test_an_instant_from_before_the_schedule_existed_is_run_too(past: Past) -> None:
    assert past.backfill(3, 2)["created"] == 2
    assert past.ledger() == [("backfilled", 3, 3, 1), ("backfilled", 2, 2, 1)]


def test_what_has_run_is_never_doubled(past: Past, sql: Sql) -> None:
    sql("update hourhand.scheduled_jobs set next_run_at = %s", past.ago(2))
    (fired,) = past.fire(past.entry(-2 * HOUR, then=HOUR))
    answer = past.backfill(2, 1)
    assert [run["outcome"] for run in answer["runs"]] == ["existing", "created"]
    assert answer["runs"][0]["id"] == fired["runs"][0]["id"]
    assert past.backfill(2, 1)["existing"] == 2
    assert sql("select count(*) from hourhand.job_runs") == [(2,)]


def test_a_repeated_request_answers_as_the_first(past: Past, sql: Sql) -> None:
    request = uuid.uuid4()
    first = past.backfill(3, 2, 2, request=request)
    again = past.backfill(3, 2, request=request)
    assert (first["created"], first["runs"]) == (2, again["runs"])
    assert again["created"] == 2
    assert sql("select count(*) from hourhand.job_runs") == [(2,)]
    assert sql("select count(*) from hourhand.audit_log where action = 'schedule.backfilled'") == [(2,)]


# --- Stretches ---


@pytest.mark.parametrize(
    ("chosen", "left"),
    [
        ([9], [(8, 1, 8)]),
        ([1], [(9, 2, 8)]),
        ([5], [(9, 6, 4), (4, 1, 4)]),
        ([7, 3], [(9, 8, 2), (6, 4, 3), (2, 1, 2)]),
        ([9, 1], [(8, 2, 7)]),
        ([6, 5, 4], [(9, 7, 3), (3, 1, 3)]),
        ([8], [(9, 9, 1), (7, 1, 7)]),
        ([2], [(9, 3, 7), (1, 1, 1)]),
        (list(range(1, 10)), []),
    ],
)
@pytest.mark.parametrize("told", [True, False])
def test_a_stretch_is_cut_where_an_instant_is_taken_out(
    past: Past, sql: Sql, chosen: list[int], left: list[tuple[int, int, int]], told: bool
) -> None:
    past.note(sql, 9, 1)
    chosen = sorted(chosen, reverse=True)
    given: list[Any] = [*chosen]
    if told:
        lasts = [10, *chosen]
        given = [
            {"at": past.ago(n), "previous": past.ago(n + 1), "next": past.ago(n - 1), "before": last - n - 1}
            for last, n in zip(lasts, chosen, strict=False)
        ]
    past.backfill(*given)
    rows = past.ledger()
    assert [(first, until, count) for decision, first, until, count in rows if decision == "missed"] == left
    assert sum(row[3] for row in rows) == 9


def test_at_unequal_distances_the_caller_says_how_many_lie_before(past: Past, sql: Sql) -> None:
    past.note(sql, 9, 1, count=100)
    past.backfill({"at": past.ago(8), "previous": past.ago(9), "next": past.ago(3), "before": 1})
    assert past.ledger() == [("missed", 9, 9, 1), ("backfilled", 8, 8, 1), ("missed", 3, 1, 98)]


@pytest.mark.parametrize("before", [-5, 0, 1, 7, 99])
def test_a_wrong_word_about_a_stretch_loses_no_instant(past: Past, sql: Sql, before: int) -> None:
    past.note(sql, 9, 1)
    past.backfill({"at": past.ago(5), "before": before})
    rows = past.ledger()
    assert sum(row[3] for row in rows) == 9
    assert [row[0] for row in rows] == ["missed", "backfilled", "missed"]


def test_rows_of_a_time_are_listed_from_the_stretch_that_began_before(past: Past, sql: Sql) -> None:
    past.note(sql, 9, 6)
    past.note(sql, 5, 5, "paused")
    past.note(sql, 4, 2)
    assert past.ledger(p_from=past.ago(7), p_until=past.ago(5)) == [("missed", 9, 6, 4), ("paused", 5, 5, 1)]
    assert past.ledger(p_from=past.ago(5.5)) == [("paused", 5, 5, 1), ("missed", 4, 2, 3)]
    page = past.transport.call("list_firings", {"p_schedule": "s", "p_limit": 2})
    assert len(page["firings"]) == 2
    assert past.ledger(p_after=page["more"]) == [("missed", 4, 2, 3)]


# --- What cannot be ---


def test_what_is_still_to_come_or_to_be_decided_is_refused(past: Past, sql: Sql) -> None:
    with pytest.raises(BadInput, match="only instants that have passed"):
        past.backfill(2, past.at(60))
    sql("update hourhand.scheduled_jobs set next_run_at = %s", past.ago(3))
    with pytest.raises(Conflict, match="has not yet decided"):
        past.backfill(4, 3)
    assert past.ledger() == []
    assert past.backfill(4)["created"] == 1
    past.transport.call("pause_schedule", {"p_schedule": "s"})
    assert past.backfill(3, 2)["created"] == 2


@pytest.mark.parametrize(
    "instants", [{"at": 1}, "now", ["soon"], [None], [{"previous": "2026-01-01"}], ["infinity"]]
)
def test_what_is_no_list_of_instants_is_refused(past: Past, instants: object) -> None:
    with pytest.raises(BadInput):
        past.transport.call("backfill", {"p_schedule": "s", "p_instants": instants})


def test_a_call_takes_ten_thousand_instants_and_no_more(past: Past, sql: Sql) -> None:
    start = past.now - timedelta(days=30)
    instants = [(start + timedelta(minutes=n)).isoformat() for n in range(10_001)]
    with pytest.raises(BadInput, match="at most 10000"):
        past.backfill(*instants)
    assert past.backfill(*instants[1:])["created"] == 10_000
    assert sql("select count(*) from hourhand.job_runs") == [(10_000,)]


def test_a_fleet_has_nothing_to_backfill(transport: PostgresTransport) -> None:
    past = Past(transport, rank_intervals={"1": "1 day"})
    with pytest.raises(BadInput, match="no instants to make up for"):
        past.backfill(1)


# --- Overlap ---


@pytest.mark.parametrize(
    ("overlap", "at_once"), [("skip", 1), ("buffer_one", 1), ("cancel_other", 1), ("allow_all", 3)]
)
def test_backfilled_runs_follow_each_other_unless_all_may_overlap(
    transport: PostgresTransport, hand: Callable[..., Hand], overlap: str, at_once: int
) -> None:
    past = Past(transport, overlap=overlap)
    runs = [run["id"] for run in past.backfill(3, 2, 1)["runs"]]
    worker = hand()
    claimed = worker.runs()
    assert [run["id"] for run in claimed] == runs[:at_once]
    if at_once == 1:
        worker.finish(*claimed)
        assert [run["id"] for run in worker.runs()] == runs[1:2]


def test_a_backfill_waits_for_the_run_that_was_fired_before(
    past: Past, hand: Callable[..., Hand], sql: Sql
) -> None:
    sql("update hourhand.scheduled_jobs set next_run_at = %s", past.ago(1))
    past.fire(past.entry(-HOUR, then=HOUR))
    worker = hand()
    (running,) = worker.runs()
    past.backfill(2)
    assert worker.runs() == []
    worker.finish(running)
    assert len(worker.runs()) == 1


@pytest.mark.parametrize("overlap", ["skip", "buffer_one", "buffer_all", "cancel_other"])
def test_firings_go_on_between_the_runs_of_a_backfill(
    transport: PostgresTransport, hand: Callable[..., Hand], sql: Sql, overlap: str
) -> None:
    past = Past(transport, overlap=overlap)
    past.backfill(5, 4, 3)
    sql("update hourhand_parts.job_runs_live set claim_at = claim_at - interval '1 day'")
    worker = hand()
    (first,) = worker.runs()
    sql("update hourhand.scheduled_jobs set next_run_at = %s", past.at(-1))
    (result,) = past.fire(past.entry(-1, then=HOUR))
    assert [run["decision"] for run in result["runs"]] == ["fired"]
    assert worker.runs() == []
    assert worker.beat(first)["cancel"] == []
    worker.finish(first)
    (next_,) = worker.runs()
    assert next_["id"] == result["runs"][0]["id"]
    worker.finish(next_)
    assert [run["trigger"] for run in worker.runs()] == ["backfill"]


def test_a_firing_that_replaces_the_one_before_leaves_a_backfill_alone(
    transport: PostgresTransport, hand: Callable[..., Hand], sql: Sql
) -> None:
    past = Past(transport, overlap="cancel_other")
    past.backfill(3, 2)
    worker = hand()
    (first,) = worker.runs()
    for seconds in (-2, -1):
        sql("update hourhand.scheduled_jobs set next_run_at = %s", past.at(seconds))
        past.fire(past.entry(seconds, then=HOUR))
    assert worker.beat(first)["cancel"] == []
    assert sql("select trigger, status from hourhand.job_runs order by id") == [
        ("backfill", "processing"),
        ("backfill", "pending"),
        ("schedule", "cancelled"),
        ("schedule", "pending"),
    ]


def test_a_backfill_takes_no_firing_its_place_behind_the_run_before(
    transport: PostgresTransport, hand: Callable[..., Hand], sql: Sql
) -> None:
    past = Past(transport, overlap="buffer_one")
    decisions = []
    for seconds in (-3, -2, -1):
        sql("update hourhand.scheduled_jobs set next_run_at = %s", past.at(seconds))
        (result,) = past.fire(past.entry(seconds, then=HOUR))
        decisions += [run["decision"] for run in result["runs"]]
        if seconds == -3:
            hand().runs()
            past.backfill(2)
    assert decisions == ["fired", "fired", "skipped_overlap"]
