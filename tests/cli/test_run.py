"""`hourhand run`."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from hourhand import Client
from tests.cli.conftest import Hourhand
from tests.support.hand import Hand
from tests.support.waiting import eventually

BROKEN = {"class": "ValueError", "message": "no such feed", "traceback": "Traceback:\n  line 1\n"}


@pytest.fixture
def failed(client: Client, hand: Hand) -> int:
    handle = client.enqueue("clean-news", {"n": 1}, max_attempts=1)
    hand.work("failed", error=BROKEN)
    return handle.id


@pytest.fixture
def completed(client: Client, hand: Hand) -> int:
    handle = client.enqueue("clean-news")
    hand.work(result={"items": 12})
    return handle.id


# --- Reading ---


def test_runs_are_listed_newest_first(hourhand: Hourhand, failed: int, completed: int) -> None:
    lines = hourhand("run", "list").out.splitlines()
    assert lines[0].split() == ["id", "status", "task", "trigger", "attempt", "created", "took", "error"]
    assert [line.split()[:3] for line in lines[1:]] == [
        [str(completed), "completed", "clean-news"],
        [str(failed), "failed", "clean-news"],
    ]
    assert "no such feed" in lines[2]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (["--status", "failed"], ["failed"]),
        (["--status", "failed", "--status", "completed"], ["completed", "failed"]),
        (["--error", "such FEED"], ["failed"]),
        (["--task", "ingest-rss"], []),
        (["--since", "1h"], ["completed", "failed"]),
        (["--until", "1h"], []),
        (["--limit", "1"], ["completed"]),
    ],
)
def test_filters_choose_runs(
    hourhand: Hourhand, failed: int, completed: int, filters: list[str], found: list[str]
) -> None:
    assert [run["status"] for run in hourhand("run", "list", "--json", *filters).json] == found


def test_an_empty_list_says_so_on_stderr(hourhand: Hourhand) -> None:
    done = hourhand("run", "list")
    assert (done.code, done.out, done.err) == (0, "", "No run matches.\n")


def test_a_run_is_shown_with_its_error_and_attempts(hourhand: Hourhand, failed: int) -> None:
    shown = hourhand("run", "show", failed).out
    assert f"run {failed} of clean-news: failed" in shown
    for words in ('{"n": 1}', "1 of 1", "worker-1", "ValueError: no such feed", "line 1"):
        assert words in shown


def test_a_shown_run_in_json_has_every_field(hourhand: Hourhand, completed: int) -> None:
    run = hourhand("run", "show", completed, "--json").json
    assert (run["id"], run["result"], run["timeout"], run["attempts"]) == (
        completed,
        {"items": 12},
        3600.0,
        [],
    )


def test_a_run_that_is_not_there_exits_with_1_and_says_where_to_look(hourhand: Hourhand) -> None:
    done = hourhand("run", "show", 4711)
    assert done.code == 1
    assert "no run 4711" in done.err
    assert "hourhand run list" in done.err


def test_lines_are_written_and_followed_to_the_end(hourhand: Hourhand, hand: Hand, client: Client) -> None:
    handle = client.enqueue("clean-news")
    [run] = hand.claim()
    hand.log(run, "one", "two")
    assert [line.split()[-1] for line in hourhand("run", "logs", handle.id).out.splitlines()] == [
        "one",
        "two",
    ]
    with ThreadPoolExecutor() as pool:
        following = pool.submit(hourhand, "run", "logs", handle.id, "-f", "--json")
        assert not following.done()
        hand.finish([run])
        done = following.result(20)
    assert [json.loads(line)["message"] for line in done.out.splitlines()] == ["one", "two"]


def test_waiting_for_a_run_gives_its_result(hourhand: Hourhand, hand: Hand, client: Client) -> None:
    handle = client.enqueue("clean-news")
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(hourhand, "run", "wait", handle.id)
        eventually(lambda: hand.work(result=[1, 2]))
        done = waiting.result(20)
    assert (done.code, done.out) == (0, "[1, 2]\n")


def test_waiting_for_a_failed_run_exits_with_1(hourhand: Hourhand, failed: int) -> None:
    done = hourhand("run", "wait", failed)
    assert (done.code, done.out) == (1, "")
    assert "no such feed" in done.err


# --- Cancelling and retrying ---


def test_runs_are_cancelled_by_id(hourhand: Hourhand, hand: Hand, client: Client, completed: int) -> None:
    running = client.enqueue("clean-news")
    hand.claim()
    waiting = client.enqueue("clean-news")
    done = hourhand("run", "cancel", waiting.id, running.id, completed, "--reason", "holiday", "--json")
    assert done.json == [
        {"id": waiting.id, "outcome": "cancelled"},
        {"id": running.id, "outcome": "requested"},
        {"id": completed, "outcome": "finished"},
    ]
    assert done.code == 0
    assert "holiday" in hourhand("run", "show", waiting.id).out


def test_one_unknown_id_does_not_keep_the_others_from_being_cancelled(
    hourhand: Hourhand, client: Client
) -> None:
    handle = client.enqueue("clean-news")
    done = hourhand("run", "cancel", 4711, handle.id)
    assert done.code == 1
    assert "no run 4711" in done.err
    assert handle.status() == "cancelled"


def test_a_filter_cancels_what_has_not_ended(hourhand: Hourhand, client: Client, completed: int) -> None:
    handles = [client.enqueue("clean-news"), client.enqueue("clean-news")]
    other = client.enqueue("ingest-rss")
    assert hourhand("run", "cancel", "--task", "clean-news").code == 0
    assert [handle.status() for handle in handles] == ["cancelled", "cancelled"]
    assert other.status() == "pending"
    assert client.runs.get(completed).status == "completed"


def test_a_dry_run_lists_and_changes_nothing(hourhand: Hourhand, client: Client) -> None:
    handle = client.enqueue("clean-news")
    done = hourhand("run", "cancel", "--task", "clean-news", "--dry-run")
    assert str(handle.id) in done.out
    assert "1 run; nothing was changed." in done.err
    assert handle.status() == "pending"


@pytest.mark.parametrize("verb", ["cancel", "retry"])
def test_nothing_at_all_is_refused(hourhand: Hourhand, verb: str) -> None:
    done = hourhand("run", verb)
    assert done.code == 2
    assert "Say which runs" in done.err


def test_an_empty_filter_does_not_mean_all(hourhand: Hourhand, client: Client) -> None:
    handle = client.enqueue("clean-news")
    done = hourhand("run", "cancel", "--status", "pending", "--task", "")
    assert (done.code, "--task is empty" in done.err) == (2, True)
    assert handle.status() == "pending"


def test_a_failed_run_is_retried_as_a_new_one(hourhand: Hourhand, client: Client, failed: int) -> None:
    [again] = hourhand("run", "retry", failed, "--payload", '{"n": 2}', "--json").json
    run = client.runs.get(again["retried_as"])
    assert (run.retry_of, run.payload) == (failed, {"n": 2})


def test_a_filter_retries_the_failed_ones(
    hourhand: Hourhand, client: Client, failed: int, completed: int
) -> None:
    assert [run["id"] for run in hourhand("run", "retry", "--since", "1h", "--dry-run", "--json").json] == [
        failed
    ]
    ids = hourhand("run", "retry", "--since", "1h").out.split()
    [run] = client.runs.list(status="pending")
    assert (run.retry_of, ids) == (failed, [str(run.id)])


def test_a_run_that_has_not_ended_cannot_be_retried(hourhand: Hourhand, client: Client) -> None:
    done = hourhand("run", "retry", client.enqueue("clean-news").id)
    assert done.code == 1
    assert "not finished yet" in done.err


# --- Counting ---


def test_runs_are_counted(hourhand: Hourhand, client: Client, failed: int, completed: int) -> None:
    client.enqueue("ingest-rss")
    by_status = hourhand("run", "stats", "--json").json["groups"]
    assert {group["group"]: group["runs"] for group in by_status} == {
        "completed": 1,
        "failed": 1,
        "pending": 1,
    }
    lines = hourhand("run", "stats", "--by", "task").out.splitlines()
    assert [line.split() for line in lines] == [
        ["task", "runs", "pending", "completed", "failed"],
        ["clean-news", "2", "0", "1", "1"],
        ["ingest-rss", "1", "1", "0", "0"],
    ]
    assert hourhand("run", "stats", "--by", "attempt", "--task", "clean-news", "--json").json["groups"] == [
        {"group": 1, "runs": 2, "statuses": {"completed": 1, "failed": 1}}
    ]
    [hour] = hourhand("run", "stats", "--by", "hour", "--json").json["groups"]
    assert hour["runs"] == 3
    assert hourhand("run", "stats", "--until", "1h", "--json").json["groups"] == []
