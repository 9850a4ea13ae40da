"""`hourhand enqueue`."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from hourhand import Client
from tests.cli.conftest import Hourhand
from tests.support.hand import Hand
from tests.support.waiting import eventually


def test_the_id_of_the_run_goes_to_stdout(hourhand: Hourhand, hand: Hand, client: Client) -> None:
    done = hourhand("enqueue", "ingest-rss", "--payload", '{"url": "https://a.example"}')
    assert done.code == 0
    run = client.runs.get(int(done.out))
    assert (run.task, run.payload, run.queue) == ("ingest-rss", {"url": "https://a.example"}, "feeds")
    assert "created" in done.err


def test_json_gives_id_and_outcome(hourhand: Hourhand, hand: Hand) -> None:
    first = hourhand("enqueue", "clean-news", "--key", "1", "--json").json
    assert first["outcome"] == "created"
    assert hourhand("enqueue", "clean-news", "--key", "1", "--json").json == {**first, "outcome": "existing"}
    again = hourhand(
        "enqueue", "clean-news", "--key", "1", "--replace", "--payload", '{"n": 2}', "--json"
    ).json
    assert again == {**first, "outcome": "replaced"}


def test_every_option_reaches_the_run(hourhand: Hourhand, hand: Hand, client: Client) -> None:
    done = hourhand(
        "enqueue", "clean-news", "--run-at", "2100-01-01T00:00Z", "--priority", -7, "--queue", "slow",
        "--concurrency-key", "one", "--max-attempts", 2, "--timeout", "1m30s",
    )  # fmt: skip
    run = client.runs.get(int(done.out))
    assert run.run_at is not None
    assert run.run_at.isoformat() == "2100-01-01T00:00:00+00:00"
    assert (run.priority, run.queue, run.max_attempts) == (-7, "slow", 2)
    assert run.timeout == timedelta(seconds=90)
    assert run.model_extra is not None
    assert run.model_extra["concurrency_key"] == "one"


def test_a_distance_is_counted_from_the_clock_of_the_database(
    hourhand: Hourhand, hand: Hand, client: Client
) -> None:
    before = client.now()
    run = client.runs.get(int(hourhand("enqueue", "clean-news", "--run-at", "+2h").out))
    assert run.run_at is not None
    assert timedelta(hours=2) <= run.run_at - before < timedelta(hours=2, minutes=1)


def test_the_payload_can_come_from_stdin_or_a_file(
    hourhand: Hourhand, hand: Hand, client: Client, tmp_path: Path
) -> None:
    piped = hourhand("enqueue", "clean-news", "--payload", "-", stdin='{"n": 1}')
    assert client.runs.get(int(piped.out)).payload == {"n": 1}
    (tmp_path / "payload.json").write_text('{"n": 2}')
    read = hourhand("enqueue", "clean-news", "--payload", f"@{tmp_path / 'payload.json'}")
    assert client.runs.get(int(read.out)).payload == {"n": 2}


def test_waiting_writes_the_result(hourhand: Hourhand, hand: Hand) -> None:
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(hourhand, "enqueue", "clean-news", "--wait")
        eventually(lambda: hand.work(result={"items": 12}))
        done = waiting.result(20)
    assert (done.code, done.out) == (0, '{"items": 12}\n')
    assert "completed" in done.err


def test_waiting_for_a_run_that_fails_exits_with_1(hourhand: Hourhand, hand: Hand) -> None:
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(hourhand, "enqueue", "clean-news", "--wait")
        eventually(lambda: hand.work("failed", error={"class": "ValueError", "message": "no news"}))
        done = waiting.result(20)
    assert (done.code, done.out) == (1, "")
    assert "no news" in done.err


def test_waiting_gives_up_after_its_time(hourhand: Hourhand, hand: Hand) -> None:
    done = hourhand("enqueue", "clean-news", "--wait", "--wait-timeout", "100ms")
    assert done.code == 1
    assert "has not ended within 100ms" in done.err
    assert "hourhand status" in done.err


# --- Bad input ---


def test_an_unknown_task_is_refused_with_the_one_that_may_be_meant(
    hourhand: Hourhand, hand: Hand, client: Client
) -> None:
    done = hourhand("enqueue", "ingest-rs")
    assert done.code == 2
    assert "no task is called 'ingest-rs'" in done.err
    assert "Did you mean ingest-rss?" in done.err
    assert client.runs.list() == []


def test_an_unknown_task_can_be_enqueued_for_a_worker_to_come(hourhand: Hourhand, hand: Hand) -> None:
    done = hourhand("enqueue", "later", "--force")
    assert done.code == 0
    assert "no worker has registered" in done.err


def test_while_no_task_is_known_any_is_taken_with_a_warning(hourhand: Hourhand) -> None:
    done = hourhand("enqueue", "first")
    assert done.code == 0
    assert "no worker has registered" in done.err


def test_a_task_of_the_configured_modules_is_known_before_its_worker_runs(
    hourhand: Hourhand, hand: Hand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "brand_new_tasks.py").write_text(
        "from hourhand import task\n@task('brand-new')\ndef brand_new(n: int) -> None: ...\n"
    )
    monkeypatch.chdir(tmp_path)
    environment = {"HOURHAND_TASKS": "brand_new_tasks"}
    assert hourhand("enqueue", "brand-new", "--payload", '{"n": 1}', **environment).code == 0
    refused = hourhand("enqueue", "brand-new", "--payload", '{"n": "x"}', **environment)
    assert refused.code == 2


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ('{"limit": 3}', "url"),
        ('{"url": "x", "limit": "many"}', "limit"),
    ],
)
def test_a_payload_that_does_not_fit_the_task_is_refused(
    hourhand: Hourhand, hand: Hand, client: Client, payload: str, said: str
) -> None:
    done = hourhand("enqueue", "ingest-rss", "--payload", payload)
    assert done.code == 2
    assert said in done.err
    assert "hourhand tasks ingest-rss" in done.err
    assert client.runs.list() == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--payload", '{"url": }'], ["--payload", "line 1, column 9"]),
        (["--payload", "NaN"], ["--payload", "NaN is not JSON"]),
        (["--payload", "@nowhere.json"], ["--payload", "nowhere.json"]),
        (["--payload", "5"], ["object or a list"]),
        (["--run-at", "tomorrow"], ["--run-at", "'tomorrow' is not a time", "+10m"]),
        (["--timeout", "3 fortnights"], ["--timeout", "fortnight"]),
        (["--priority", "101"], ["--priority", "-100<=x<=100"]),
    ],
)
def test_bad_input_is_told_with_what_where_and_what_to_try(
    hourhand: Hourhand, hand: Hand, client: Client, arguments: list[str], said: list[str]
) -> None:
    done = hourhand("enqueue", "clean-news", *arguments)
    assert done.code == 2
    for words in said:
        assert words in done.err
    assert done.out == ""
    assert client.runs.list() == []


def test_an_unreachable_database_exits_with_69(hourhand: Hourhand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hourhand_admin.terminal.session._PATIENCE", 0.1)
    done = hourhand("enqueue", "x", DATABASE_URL="postgresql://nobody@127.0.0.1:1/none?connect_timeout=2")
    assert done.code == 69
    assert "127.0.0.1:1" in done.err.replace(", port ", ":")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--timeout", 0], "too short"),
        (["--timeout", "40000d"], "too long"),
        (["--key", ""], "1 to 500 characters"),
        (["--queue", "a\nb"], r"no '\n' in it"),
        (["--replace"], "go with --key"),
        (["--wait-timeout", "1m"], "goes with --wait"),
    ],
)
def test_what_the_database_would_refuse_is_refused_in_the_words_of_the_command(
    hourhand: Hourhand, client: Client, options: list[object], told: str
) -> None:
    done = hourhand("enqueue", "clean-news", "--force", *options)
    assert (done.code, told in done.err) == (2, True)
    assert client.runs.list() == []


def test_a_wrong_setting_exits_with_78(hourhand: Hourhand) -> None:
    done = hourhand("enqueue", "x", DATABASE_URL="mysql://somewhere")
    assert done.code == 78
    assert "DATABASE_URL" in done.err


def test_a_database_without_the_schema_exits_with_78(hourhand: Hourhand, empty_database_url: str) -> None:
    done = hourhand("enqueue", "x", DATABASE_URL=empty_database_url)
    assert done.code == 78
    assert "hourhand migrate" in done.err
