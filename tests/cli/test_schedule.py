"""`hourhand schedule`."""

from datetime import datetime, timedelta

import pytest

from hourhand import Client
from tests.cli.conftest import Hourhand
from tests.support.hand import Hand


@pytest.fixture
def news(client: Client) -> str:
    client.schedules.create(
        "news", "clean-news", cron="0 3 * * *", timezone="Europe/Berlin", payload={"n": 1}
    )
    return "news"


# --- Creating ---


def test_a_schedule_is_added_and_its_next_firing_told(hourhand: Hourhand, hand: Hand, client: Client) -> None:
    done = hourhand(
        "schedule", "add", "news", "--task", "clean-news", "--cron", "0 3 * * *", "--timezone", "Asia/Tokyo"
    )
    assert (done.code, done.out) == (0, "")
    assert "schedule news created" in done.err
    assert "03:00:00 JST (in " in done.err
    assert client.schedules.get("news").cron == "0 3 * * *"


def test_every_option_reaches_the_schedule(hourhand: Hourhand, hand: Hand) -> None:
    made = hourhand(
        "schedule", "add", "news", "--task", "clean-news", "--every", "90m", "--anchor", "2026-01-01T00:00Z",
        "--payload", '{"n": 1}', "--description", "Feeds", "--catch-up", "all", "--catch-up-window", "2d",
        "--catch-up-limit", 7, "--overlap", "buffer_one", "--dst-gap", "skip", "--dst-overlap", "both",
        "--jitter", "30s", "--start-deadline", "10m", "--starts-at", "2026-02-01T00:00Z", "--ends-at",
        "2100-01-01T00:00Z", "--max-runs", 1000, "--exclude", "sat", "--exclude", "2099-12-25", "--queue", "slow",
        "--priority", -5, "--max-attempts", 2, "--timeout", "1m", "--profile", "sleeper", "--tag", "feeds", "--tag", "x", "--json",
    ).json  # fmt: skip
    expected = {
        "name": "news", "task": "clean-news", "every": 5400.0, "payload": {"n": 1}, "description": "Feeds",
        "catch_up": "all", "catch_up_window": 172800.0, "catch_up_limit": 7, "overlap": "buffer_one",
        "dst_gap": "skip", "dst_overlap": "both", "jitter": 30.0, "start_deadline": 600.0, "max_runs": 1000,
        "exclude": ["sat", "2099-12-25"], "queue": "slow", "priority": -5, "max_attempts": 2, "timeout": 60.0,
        "tags": ["feeds", "x"], "is_active": True, "profile": "sleeper",
    }  # fmt: skip
    assert {name: made[name] for name in expected} == expected


def test_several_expressions_make_one_schedule(hourhand: Hourhand, client: Client) -> None:
    hourhand("schedule", "add", "news", "--task", "t", "--cron", "0 3 * * *", "--cron", "30 15 * * *")
    assert client.schedules.get("news").cron == "0 3 * * *;30 15 * * *"


def test_a_time_without_a_zone_is_that_of_the_schedule(hourhand: Hourhand, client: Client) -> None:
    hourhand("schedule", "add", "once", "--task", "t", "--at", "2100-07-01T09:00", "--timezone", "Asia/Tokyo")
    assert client.schedules.get("once").run_at == datetime(2100, 7, 1, 9)  # noqa: DTZ001


def test_once_in_a_while_from_now(hourhand: Hourhand, client: Client) -> None:
    hourhand("schedule", "add", "once", "--task", "t", "--at", "+2h")
    made = client.schedules.get("once")
    assert made.run_at is not None
    assert made.timezone == "UTC"
    distance = made.run_at - client.now().replace(tzinfo=None)
    assert timedelta(hours=1, minutes=59) < distance <= timedelta(hours=2)


def test_a_task_nobody_has_registered_is_taken_with_a_warning(
    hourhand: Hourhand, hand: Hand, client: Client
) -> None:
    done = hourhand("schedule", "add", "news", "--task", "clean-new", "--every", "1h")
    assert done.code == 0
    assert "no worker has registered a task 'clean-new'" in done.err
    assert "Did you mean clean-news?" in done.err
    assert client.schedules.get("news").task == "clean-new"


@pytest.mark.parametrize(
    ("timing", "said"),
    [
        ([], ["--cron, --every or --at"]),
        (["--cron", "0 3 * * *", "--every", "1h"], ["cron and every are given"]),
        (["--cron", "0 61 * * *"], ["hour", "'61'", "character 3"]),
        (["--cron", "0 0 30 2 *"], ["0 0 30 2 *", "never"]),
        (["--cron", "0 3 * * *", "--timezone", "Europe/Berln"], ["Europe/Berln", "Europe/Berlin"]),
        (["--every", "0s"], ["every"]),
        (["--every", "often"], ["--every", "'often' is not a duration", "15m"]),
        (["--at", "2001-01-01T00:00"], ["run_at"]),
        (["--at", "noon"], ["--at", "'noon' is not a time"]),
        (["--every", "1h", "--exclude", "someday"], ["someday"]),
        (["--every", "1h", "--payload", "{'n': 1}"], ["--payload", "line 1, column 2"]),
    ],
)
def test_a_bad_schedule_is_told_with_what_where_and_what_to_try(
    hourhand: Hourhand, client: Client, timing: list[str], said: list[str]
) -> None:
    done = hourhand("schedule", "add", "news", "--task", "t", *timing)
    assert done.code == 2
    for words in said:
        assert words in done.err
    assert client.schedules.list() == []


def test_a_name_that_is_taken_is_refused(hourhand: Hourhand, news: str) -> None:
    done = hourhand("schedule", "add", news, "--task", "t", "--every", "1h")
    assert done.code == 1
    assert "already" in done.err
    assert "hourhand schedule edit" in done.err


# --- Changing ---


def test_an_edit_changes_what_is_given(hourhand: Hourhand, news: str, client: Client) -> None:
    done = hourhand("schedule", "edit", news, "--every", "10m", "--clear", "tags", "--overlap", "allow_all")
    assert done.code == 0
    edited = client.schedules.get(news)
    assert (edited.cron, edited.every, edited.payload) == (None, timedelta(minutes=10), {"n": 1})


def test_an_edit_tells_no_defaults_because_what_is_not_given_stays(hourhand: Hourhand) -> None:
    assert "[default: last]" in hourhand("schedule", "add", "--help").out
    assert "[default" not in hourhand("schedule", "edit", "--help").out


def test_an_edit_of_nothing_is_refused(hourhand: Hourhand, news: str) -> None:
    done = hourhand("schedule", "edit", news)
    assert done.code == 2
    assert "Say what to change" in done.err


def test_a_schedule_is_paused_and_resumed(hourhand: Hourhand, news: str, client: Client) -> None:
    assert "paused" in hourhand("schedule", "pause", news, "--note", "holiday").err
    assert "paused: holiday" in hourhand("schedule", "list").out
    assert "is paused" in hourhand("schedule", "next", news).err
    assert "next firing" in hourhand("schedule", "resume", news).err
    assert client.schedules.get(news).is_active


def test_a_schedule_is_paused_for_a_while(hourhand: Hourhand, news: str, client: Client) -> None:
    hourhand("schedule", "pause", news, "--until", "+90d")
    paused = client.schedules.get(news)
    assert paused.paused_until is not None
    first, *_ = hourhand("schedule", "next", news, "--json").json["firings"]
    assert datetime.fromisoformat(first) > paused.paused_until


def test_a_trigger_runs_it_now_with_another_payload(hourhand: Hourhand, news: str, client: Client) -> None:
    done = hourhand("schedule", "trigger", news, "--payload", '{"n": 2}')
    run = client.runs.get(int(done.out))
    assert (run.trigger, run.payload) == ("manual", {"n": 2})


def test_a_deleted_schedule_is_gone(hourhand: Hourhand, news: str) -> None:
    assert hourhand("schedule", "delete", news).code == 0
    done = hourhand("schedule", "show", news)
    assert done.code == 1


@pytest.mark.parametrize("verb", ["show", "next", "pause", "resume", "trigger", "delete", "edit"])
def test_an_unknown_name_is_told_with_the_one_that_may_be_meant(
    hourhand: Hourhand, news: str, verb: str
) -> None:
    done = hourhand("schedule", verb, "new", *(["--every", "1h"] if verb == "edit" else []))
    assert done.code == 1
    assert 'there is no schedule "new"' in done.err
    assert "Did you mean news?" in done.err


# --- Reading ---


def test_schedules_are_listed(hourhand: Hourhand, news: str, client: Client) -> None:
    client.schedules.create("feeds", "ingest-rss", every="15m", tags=["x"])
    lines = hourhand("schedule", "list").out.splitlines()
    assert lines[0].split()[:3] == ["schedule", "task", "when"]
    assert [line.split()[0] for line in lines[1:]] == ["feeds", "news"]
    assert "every 15m" in lines[1]
    assert "0 3 * * *" in lines[2]
    assert [each["name"] for each in hourhand("schedule", "list", "--tag", "x", "--json").json] == ["feeds"]
    assert [each["name"] for each in hourhand("schedule", "list", "--paused", "--json").json] == []


def test_a_schedule_is_shown_with_its_runs(hourhand: Hourhand, news: str) -> None:
    run = hourhand("schedule", "trigger", news).out.strip()
    shown = hourhand("schedule", "show", news).out
    for words in (
        "schedule news of clean-news: active",
        "At 03:00 every day",
        "Europe/Berlin",
        '{"n": 1}',
        "manual",
        run,
    ):
        assert words in shown


def test_what_others_wrote_does_not_drive_the_terminal(hourhand: Hourhand, client: Client) -> None:
    client.schedules.create("loud", "t", every="1h", description="ding\a\ndong")
    client.schedules.pause("loud", note="ding\a\ndong")
    assert "description  ding\\x07\n" in hourhand("schedule", "show", "loud").out
    assert r"ding\x07 dong." in hourhand("schedule", "why", "loud").out
    assert r"paused: ding\x07 dong" in hourhand("schedule", "list").out


def test_the_next_firings_are_shown_in_the_zone_of_the_schedule(hourhand: Hourhand, news: str) -> None:
    done = hourhand("schedule", "next", news, "-n", 3)
    lines = done.out.splitlines()
    assert len(lines) == 3
    assert all(" 03:00:00 CE" in line and "(in " in line for line in lines)
    answer = hourhand("schedule", "next", news, "--json").json
    assert (answer["schedule"], answer["timezone"], len(answer["firings"])) == ("news", "Europe/Berlin", 10)


def test_no_more_firings_are_shown_than_are_left(hourhand: Hourhand, client: Client) -> None:
    client.schedules.create("twice", "t", every="1h", max_runs=2)
    assert len(hourhand("schedule", "next", "twice").out.splitlines()) == 2


def test_a_broken_schedule_can_be_looked_at(hourhand: Hourhand, client: Client, sql: object) -> None:
    assert callable(sql)
    sql("insert into hourhand.scheduled_jobs (name, task, cron) values ('bad', 't', 'every now and then')")
    sql("update hourhand.scheduled_jobs set error = 'cron has 4 fields' where name = 'bad'")
    assert "broken: cron has 4 fields" in hourhand("schedule", "list").out
    assert "cron has 4 fields" in hourhand("schedule", "show", "bad").out
    assert hourhand("schedule", "next", "bad").code == 2
    edited = hourhand("schedule", "edit", "bad", "--description", "rarely")
    assert edited.code == 0, "it is done"
    assert "Warning: its timing cannot be used: cron 'every now and then' has 4 fields" in edited.err
