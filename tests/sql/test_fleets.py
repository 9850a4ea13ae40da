"""Fleets: items that are due by their rank, each on its own. The bands are those of a company monitor:
ranks from 81 daily, from 61 every two days, from 31 three, from 11 four, the rest five."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from hourhand.errors import BadInput, NotFound
from hourhand.testing import DatabaseClock
from hourhand.transport.postgres import PostgresTransport
from tests.sql.conftest import Hand
from tests.sql.test_schedules import SESSION

Sql = Callable[..., list[Any]]
Hands = Callable[..., Hand]

BANDS = {"81": "1 day", "61": "2 days", "31": "3 days", "11": "4 days", "1": "5 days"}
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOON = datetime.fromisoformat("2026-03-01T12:00:00+00:00")


@pytest.fixture
def clock(database_url: str) -> Iterator[DatabaseClock]:
    """Time stands still, and is moved by the test."""
    with DatabaseClock(database_url) as clock:
        clock.freeze(NOON)
        yield clock


class Fleet:
    """A fleet schedule whose ticks are fired by hand."""

    def __init__(self, transport: PostgresTransport, bands: dict[str, Any], **columns: Any) -> None:
        self.transport = transport
        schedule = {"name": "scrape", "task": "task", "every": 3600, "rank_intervals": bands, **columns}
        self.id = transport.call("put_schedule", {"p_schedule": schedule})["id"]

    def set(self, *items: dict[str, Any]) -> dict[str, int]:
        counts: dict[str, int] = self.transport.call(
            "set_items", {"p_schedule": "scrape", "p_items": list(items)}
        )
        return counts

    def rank(self, **ranks: int) -> None:
        """Items that are due now."""
        due = datetime.fromisoformat(self.transport.call("info")["now"])
        self.set(*({"item": item, "rank": rank, "due_at": due.isoformat()} for item, rank in ranks.items()))

    def items(self, **matching: str) -> dict[str, dict[str, Any]]:
        answer = self.transport.call("list_items", {"p_schedule": "scrape", "p_filter": matching})
        return {item["item"]: item for item in answer["items"]}

    def due_in(self, item: str, since: datetime = NOON) -> timedelta:
        return datetime.fromisoformat(self.items()[item]["next_run_at"]) - since

    def fire(self) -> list[dict[str, Any]]:
        """One tick, now."""
        row = self.transport.call("get_schedule", {"p_schedule": "scrape"})
        entry = {
            "schedule_id": self.id,
            "revision": row["revision"],
            "next_run_at": row["next_run_at"],
            "then": (datetime.fromisoformat(row["now"]) + HOUR).isoformat(),
            "runs": [{"at": row["now"]}],
        }
        answer = self.transport.call("fire", {"p_session": SESSION, "p_firings": [entry]})
        assert answer["results"][0]["outcome"] == "fired"
        runs: list[dict[str, Any]] = answer["results"][0]["runs"]
        return runs

    def fired(self) -> list[str]:
        return [run["item"] for run in self.fire()]


@pytest.fixture
def fleet(transport: PostgresTransport, clock: DatabaseClock) -> Fleet:
    return Fleet(transport, BANDS)


# --- Bands ---


DAYS = {100: 1, 81: 1, 80: 2, 61: 2, 60: 3, 31: 3, 30: 4, 11: 4, 10: 5, 1: 5}
"""By rank."""


def test_the_rank_says_how_long_after_its_end_an_item_is_due_again(
    fleet: Fleet, hand: Hands, clock: DatabaseClock
) -> None:
    fleet.rank(**{f"r{rank}": rank for rank in DAYS})
    assert len(fleet.fired()) == len(DAYS)
    worker = hand()
    runs = worker.runs(len(DAYS))
    clock.advance(HOUR)
    worker.finish(*runs)
    due = {rank: fleet.due_in(f"r{rank}") for rank in DAYS}
    assert due == {rank: HOUR + days * DAY for rank, days in DAYS.items()}
    clock.advance(DAY - timedelta(seconds=1))
    assert fleet.fired() == []
    clock.advance(1)
    assert sorted(fleet.fired()) == ["r100", "r81"]


def test_a_rank_below_all_bands_is_due_daily(transport: PostgresTransport, clock: DatabaseClock) -> None:
    fleet = Fleet(transport, {"81": 3600})
    fleet.set({"item": "low", "rank": 80}, {"item": "high", "rank": 81})
    assert {name: item["interval"] for name, item in fleet.items().items()} == {"low": 86400, "high": 3600}


def test_bands_that_make_no_sense_are_refused(transport: PostgresTransport) -> None:
    for bands in (
        [],
        {"0": "1 day"},
        {"101": "1 day"},
        {"high": "1 day"},
        {"81": "soon"},
        {"81": "0 s"},
        {"81": "-1 day"},
        {"81": "101 years"},
        {"81": ["1 day"]},
        {"limit": 0},
        {"limit": "5"},
        {"limit": 1.5},
    ):
        schedule = {"name": "s", "task": "t", "every": 60, "rank_intervals": bands}
        with pytest.raises(BadInput, match="rank_intervals are an object"):
            transport.call("put_schedule", {"p_schedule": schedule})


# --- Firing ---


def test_an_items_run_has_its_payload_its_name_its_rank_and_a_priority_by_rank(
    transport: PostgresTransport, clock: DatabaseClock, sql: Sql
) -> None:
    fleet = Fleet(transport, BANDS, payload={"depth": 1, "site": "all"}, priority=-5)
    fleet.set(
        {"item": "acme", "rank": 85, "payload": {"site": "acme.example"}, "due_at": NOON.isoformat()},
        {"item": "zeta", "rank": 9, "due_at": NOON.isoformat()},
    )
    fleet.fire()
    assert sql("select payload, priority, schedule_id, trigger from hourhand.job_runs order by id") == [
        ({"depth": 1, "site": "acme.example", "item": "acme", "rank": 85}, 3, fleet.id, "schedule"),
        ({"depth": 1, "site": "all", "item": "zeta", "rank": 9}, -5, fleet.id, "schedule"),
    ]
    assert sql("select decision, reason from hourhand.schedule_firings") == [("fired", "2 of 2 due items")]


def test_the_most_overdue_goes_first_and_a_tick_starts_at_most_its_limit(
    transport: PostgresTransport, clock: DatabaseClock, sql: Sql
) -> None:
    fleet = Fleet(transport, {**BANDS, "limit": 2})
    for number, item in enumerate(["c", "a", "d", "b"]):
        fleet.set({"item": item, "rank": 50, "due_at": (NOON + timedelta(minutes=number)).isoformat()})
    clock.advance(HOUR)
    assert fleet.fired() == ["c", "a"]
    clock.advance(HOUR)
    assert fleet.fired() == ["d", "b"]
    clock.advance(HOUR)
    assert fleet.fired() == []
    assert sql("select reason from hourhand.schedule_firings order by scheduled_for") == [
        ("2 of 4 due items",),
        ("2 of 2 due items",),
        ("0 of 0 due items",),
    ]


def test_among_runs_of_one_tick_a_high_rank_is_claimed_first(fleet: Fleet, hand: Hands) -> None:
    fleet.rank(low=10, high=95, middle=50)
    fleet.fire()
    worker = hand()
    claimed = [worker.runs(1)[0]["priority"] for _ in range(3)]
    assert claimed == [9, 5, 1]


def test_an_item_with_a_live_run_is_not_fired_again(fleet: Fleet, hand: Hands, clock: DatabaseClock) -> None:
    fleet.rank(acme=90)
    assert fleet.fired() == ["acme"]
    clock.advance(10 * DAY)
    assert fleet.fired() == []
    worker = hand()
    (run,) = worker.runs()
    clock.advance(1)
    assert fleet.fired() == []
    worker.finish(run)
    clock.advance(DAY)
    assert fleet.fired() == ["acme"]


def test_one_item_still_running_keeps_no_other_from_its_turn(fleet: Fleet, clock: DatabaseClock) -> None:
    fleet.rank(acme=90)
    fleet.fire()
    clock.advance(1)
    fleet.rank(zeta=90)
    assert fleet.fired() == ["zeta"]


def test_of_several_ticks_in_one_catch_up_each_item_runs_once(fleet: Fleet, sql: Sql) -> None:
    fleet.rank(acme=90)
    row = fleet.transport.call("get_schedule", {"p_schedule": "scrape"})
    runs = [{"at": (NOON - n * HOUR).isoformat(), "trigger": "catch_up"} for n in range(3)]
    entry = {"schedule_id": fleet.id, "revision": row["revision"], "next_run_at": None, "then": None}
    fleet.transport.call("fire", {"p_session": SESSION, "p_firings": [{**entry, "runs": runs}]})
    assert sql("select count(*) from hourhand.job_runs") == [(1,)]


def test_max_runs_counts_ticks_that_started_something(
    transport: PostgresTransport, clock: DatabaseClock
) -> None:
    fleet = Fleet(transport, BANDS, max_runs=5)
    fleet.rank(acme=90, zeta=90)
    fleet.fire()
    clock.advance(1)
    fleet.fire()
    assert transport.call("get_schedule", {"p_schedule": "scrape"})["runs_left"] == 4


# --- Failures ---


def test_a_failed_item_waits_for_its_backoff_at_most_its_interval(
    fleet: Fleet, hand: Hands, clock: DatabaseClock
) -> None:
    fleet.rank(acme=90)
    worker = hand(max_attempts=1, lease=1e9)
    waits = []
    for _ in range(9):
        assert fleet.fired() == ["acme"]
        worker.finish(*worker.runs(), outcome="failed")
        waits.append(fleet.due_in("acme", clock.now()))
        clock.advance(waits[-1] - timedelta(seconds=1))
        assert fleet.fired() == []
        clock.advance(1)
    assert waits == [n * timedelta(minutes=15) for n in (1, 2, 4, 8, 16, 32, 64, 96, 96)]
    fleet.fire()
    worker.finish(*worker.runs())
    assert (fleet.due_in("acme", clock.now()), fleet.items()["acme"]["failures"]) == (DAY, 0)


def test_a_cancelled_item_is_not_due_at_once(fleet: Fleet, clock: DatabaseClock) -> None:
    fleet.rank(acme=90)
    (run,) = fleet.fire()
    fleet.transport.call("cancel_run", {"p_run_id": run["id"]})
    item = fleet.items()["acme"]
    assert (item["run_id"], item["failures"], item["last_completed_at"]) == (None, 0, None)
    assert fleet.due_in("acme") == timedelta(minutes=15)


def test_an_item_whose_worker_is_lost_for_good_is_free_again(
    fleet: Fleet, hand: Hands, clock: DatabaseClock
) -> None:
    fleet.rank(acme=90)
    fleet.fire()
    for _ in range(3):
        assert len(hand().runs()) == 1
        clock.advance(60)
        fleet.transport.call("rescue")
    item = fleet.items()["acme"]
    assert (item["run_id"], item["failures"]) == (None, 1)


def test_a_retried_run_settles_its_item_when_nobody_else_does(fleet: Fleet, hand: Hands, sql: Sql) -> None:
    fleet.rank(acme=90)
    worker = hand(max_attempts=1)
    (run,) = fleet.fire()
    worker.finish(*worker.runs(), outcome="failed")
    retry = {"p_run_id": run["id"], "p_request_id": "00000000-0000-0000-0000-000000000001"}
    retried = fleet.transport.call("retry_run", retry)
    assert fleet.transport.call("retry_run", retry) == {"id": retried["id"], "outcome": "existing"}
    assert fleet.items()["acme"]["run_id"] == retried["id"]
    again = fleet.transport.call("retry_run", {"p_run_id": run["id"]})
    assert fleet.items()["acme"]["run_id"] == retried["id"] != again["id"]
    worker.finish(*worker.runs())
    item = fleet.items()["acme"]
    assert (item["run_id"], item["failures"]) == (None, 0)
    assert fleet.due_in("acme") == DAY


# --- Setting items ---


def test_a_first_import_is_spread_over_the_interval(fleet: Fleet) -> None:
    counts = fleet.set(*({"item": f"company {n}", "rank": 90} for n in range(300)))
    assert counts == {"created": 300, "changed": 0, "unchanged": 0}
    due = [datetime.fromisoformat(item["next_run_at"]) - NOON for item in fleet.items().values()]
    quarters = [sum(DAY * n / 4 <= at < DAY * (n + 1) / 4 for at in due) for n in range(4)]
    assert sum(quarters) == 300
    assert min(quarters) > 45


def test_setting_the_same_again_changes_nothing(fleet: Fleet) -> None:
    items = [{"item": "acme", "rank": 90, "payload": {"n": 1}}, {"item": "zeta"}]
    fleet.set(*items)
    before = fleet.items()
    assert fleet.set(*items) == {"created": 0, "changed": 0, "unchanged": 2}
    assert fleet.items() == before
    assert before["zeta"]["rank"] == 50


def test_what_is_left_out_stays_and_an_empty_payload_empties_it(fleet: Fleet) -> None:
    fleet.set({"item": "acme", "rank": 90, "payload": {"n": 1}})
    assert fleet.set({"item": "acme", "rank": 91}) == {"created": 0, "changed": 1, "unchanged": 0}
    assert fleet.items()["acme"]["payload"] == {"n": 1}
    fleet.set({"item": "acme", "payload": {}})
    assert (fleet.items()["acme"]["payload"], fleet.items()["acme"]["rank"]) == ({}, 91)


def test_a_changed_rank_moves_only_the_moment_an_item_is_due(
    fleet: Fleet, hand: Hands, clock: DatabaseClock
) -> None:
    fleet.rank(acme=90)
    fleet.fire()
    hand_ = hand()
    hand_.finish(*hand_.runs())
    before = fleet.items()["acme"]
    clock.advance(HOUR)
    fleet.set({"item": "acme", "rank": 20})
    after = fleet.items()["acme"]
    assert fleet.due_in("acme") == 4 * DAY
    assert {**after, "rank": 90, "ranks": {"": 90}, "interval": 86400, "next_run_at": None} == {
        **before,
        "next_run_at": None,
    }


def test_an_overdue_item_whose_rank_rises_is_due_at_once(
    fleet: Fleet, hand: Hands, clock: DatabaseClock
) -> None:
    fleet.rank(acme=5)
    fleet.fire()
    worker = hand()
    worker.finish(*worker.runs())
    clock.advance(2 * DAY)
    assert fleet.fired() == []
    fleet.set({"item": "acme", "rank": 100})
    clock.advance(1)
    assert fleet.fired() == ["acme"]


def test_a_changed_rank_of_an_item_that_never_ran_spreads_it_over_the_other_interval(fleet: Fleet) -> None:
    fleet.set({"item": "acme", "rank": 90})
    first = fleet.due_in("acme")
    fleet.set({"item": "acme", "rank": 1})
    assert abs(fleet.due_in("acme") - 5 * first) < timedelta(milliseconds=1)
    fleet.set({"item": "acme", "rank": 90})
    assert fleet.due_in("acme") == first


def test_a_chosen_moment_outlives_a_changed_rank(fleet: Fleet) -> None:
    fleet.set({"item": "acme", "rank": 90, "due_at": (NOON + 30 * DAY).isoformat()})
    fleet.set({"item": "acme", "rank": 1})
    assert fleet.due_in("acme") == 30 * DAY


def test_a_changed_rank_ends_no_backoff(fleet: Fleet, hand: Hands) -> None:
    fleet.rank(acme=1)
    worker = hand(max_attempts=1)
    fleet.fire()
    worker.finish(*worker.runs(), outcome="failed")
    fleet.set({"item": "acme", "rank": 100})
    assert fleet.due_in("acme") == timedelta(minutes=15)


def test_a_raised_rank_bounds_a_long_backoff(fleet: Fleet, hand: Hands, clock: DatabaseClock) -> None:
    fleet.rank(acme=1)
    worker = hand(max_attempts=1, lease=1e9)
    for _ in range(9):
        fleet.fire()
        worker.finish(*worker.runs(), outcome="failed")
        wait = fleet.due_in("acme", clock.now())
        clock.advance(wait)
    assert wait == timedelta(minutes=15 * 2**8)
    fleet.fire()
    worker.finish(*worker.runs(), outcome="failed")
    fleet.set({"item": "acme", "rank": 100})
    assert fleet.due_in("acme", clock.now()) == DAY


def test_of_several_owners_the_highest_rank_counts(fleet: Fleet) -> None:
    fleet.set(
        {"item": "acme", "rank": 20, "owner": "ann"},
        {"item": "acme", "rank": 70, "owner": "bob"},
        {"item": "zeta", "rank": 40, "owner": "bob"},
    )
    acme = fleet.items()["acme"]
    assert (acme["rank"], acme["ranks"], acme["interval"]) == (70, {"ann": 20, "bob": 70}, 2 * 86400)
    fleet.set({"item": "acme", "rank": 90, "owner": "ann"})
    assert fleet.items()["acme"]["rank"] == 90
    assert list(fleet.items(owner="ann")) == ["acme"]
    assert list(fleet.items(search="ZET")) == ["zeta"]


def test_taking_back_a_rank_leaves_that_of_the_others(fleet: Fleet) -> None:
    fleet.set({"item": "acme", "rank": 20, "owner": "ann"}, {"item": "acme", "rank": 70, "owner": "bob"})
    remove = {"p_schedule": "scrape", "p_item": "acme"}
    answer = fleet.transport.call("remove_item", {**remove, "p_owner": "bob"})
    assert answer == {"item": "acme", "outcome": "ranked", "rank": 20}
    assert fleet.items()["acme"]["interval"] == 4 * 86400
    with pytest.raises(NotFound, match="ranked by bob"):
        fleet.transport.call("remove_item", {**remove, "p_owner": "bob"})
    assert fleet.transport.call("remove_item", {**remove, "p_owner": "ann"})["outcome"] == "removed"
    assert fleet.items() == {}


def test_a_removed_item_is_fired_no_more_and_its_live_run_goes_on(
    fleet: Fleet, hand: Hands, clock: DatabaseClock
) -> None:
    fleet.rank(acme=90, zeta=90)
    fleet.fire()
    fleet.transport.call("remove_item", {"p_schedule": "scrape", "p_item": "acme"})
    worker = hand()
    assert worker.finish(*worker.runs()) == ["ok", "ok"]
    clock.advance(30 * DAY)
    assert fleet.fired() == ["zeta"]


def test_an_item_that_is_back_while_it_runs_waits_for_the_end_of_that_run(
    fleet: Fleet, hand: Hands, clock: DatabaseClock
) -> None:
    fleet.rank(acme=90)
    fleet.fire()
    fleet.transport.call("remove_item", {"p_schedule": "scrape", "p_item": "acme"})
    fleet.rank(acme=90)
    clock.advance(HOUR)
    assert fleet.fired() == []
    worker = hand()
    worker.finish(*worker.runs())
    assert fleet.due_in("acme") == HOUR + DAY


def test_another_set_of_bands_moves_the_items_at_once(fleet: Fleet, hand: Hands) -> None:
    fleet.rank(acme=90)
    fleet.fire()
    worker = hand()
    worker.finish(*worker.runs())
    change = {"name": "scrape", "rank_intervals": {"81": "6 hours"}}
    fleet.transport.call("put_schedule", {"p_schedule": change, "p_mode": "update"})
    assert fleet.due_in("acme") == 6 * HOUR


REFUSED: tuple[tuple[dict[str, Any], str], ...] = (
    ({"rank": 5}, "an item is called"),
    ({"item": ""}, "an item is called"),
    ({"item": "x", "rank": 0}, "rank 0 is not between 1 and 100"),
    ({"item": "x", "rank": 101}, "rank 101 is not between 1 and 100"),
    ({"item": "x", "payload": [1]}, "its payload is not an object"),
    ({"item": "x", "due_at": "infinity"}, "due between the years 1900 and 9999"),
    ({"item": "x", "due_at": "20000-01-01"}, "due between the years 1900 and 9999"),
    ({"item": "x", "payload": {"a": "x" * 200_000}}, "with that of its schedule, its payload is larger"),
)


def test_an_item_that_cannot_be_kept_is_named_and_nothing_is_changed(fleet: Fleet) -> None:
    """Nor one that would keep all others from their turn, as its run could not be made."""
    large = {"name": "scrape", "payload": {"b": "y" * 100_000}}
    fleet.transport.call("put_schedule", {"p_schedule": large, "p_mode": "update"})
    for item, said in REFUSED:
        with pytest.raises(BadInput, match=said):
            fleet.set({"item": "good", "rank": 5}, item)
    assert fleet.items() == {}


def test_a_plain_schedule_has_no_items(transport: PostgresTransport) -> None:
    transport.call("put_schedule", {"p_schedule": {"name": "plain", "task": "t", "every": 60}})
    with pytest.raises(BadInput, match='"plain" has no items'):
        transport.call("set_items", {"p_schedule": "plain", "p_items": [{"item": "x"}]})
    with pytest.raises(BadInput, match='"plain" has no items'):
        transport.call("list_items", {"p_schedule": "plain"})


def test_a_fleet_is_triggered_with_a_payload_only(fleet: Fleet) -> None:
    with pytest.raises(BadInput, match="is a fleet"):
        fleet.transport.call("trigger_schedule", {"p_schedule": "scrape"})
    made = fleet.transport.call("trigger_schedule", {"p_schedule": "scrape", "p_payload": {"item": "acme"}})
    assert made["outcome"] == "created"


def test_the_items_of_a_deleted_schedule_are_gone(fleet: Fleet, sql: Sql) -> None:
    fleet.rank(acme=90)
    fleet.transport.call("delete_schedule", {"p_schedule": "scrape"})
    assert sql("select count(*) from hourhand.schedule_items") == [(0,)]


def test_a_fleet_whose_payload_is_no_object_is_refused(transport: PostgresTransport) -> None:
    with pytest.raises(BadInput, match="the payload of a fleet is an object"):
        Fleet(transport, BANDS, payload=[1])
