"""`hourhand schedule export` and `hourhand schedule apply`."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from hourhand import Client, task
from tests.cli.conftest import Done, Hourhand
from tests.support.hand import Hand

NEWS = Path(__file__).parents[2] / "examples" / "news" / "schedules.yaml"
Apply = Callable[..., Done]
Sql = Callable[..., list[Any]]


@pytest.fixture
def apply(hourhand: Hourhand, tmp_path: Path) -> Apply:
    """Writes a file and applies it."""

    def apply(text: str, *options: str) -> Done:
        file = tmp_path / "schedules.yaml"
        file.write_text(text)
        return hourhand("schedule", "apply", file, *options)

    return apply


def actions(done: Done) -> dict[str, str]:
    return {change["name"]: change["action"] for change in done.json}


# --- Applying ---


def test_a_file_is_applied_and_applied_again_changes_nothing(hourhand: Hourhand, client: Client) -> None:
    first = hourhand("schedule", "apply", NEWS)
    assert first.code == 0
    assert "create: news\n  task: hourhand.sequence\n" in first.out
    assert "  jitter: 1m\n" in first.out
    assert first.err.endswith("1 created\n")
    news = client.schedules.get("news")
    assert news.cron == "*/15 * * * *"
    assert news.payload["steps"][1] == {"task": "clean-news", "payload": {"limit": 50}}
    again = hourhand("schedule", "apply", NEWS)
    assert (again.code, again.out, again.err) == (0, "", "1 unchanged\n")
    assert client.schedules.get("news").revision == news.revision


def test_a_change_is_told_field_by_field_from_old_to_new(apply: Apply, client: Client) -> None:
    apply("schedules:\n- {name: a, task: t, every: 90m, priority: 3, tags: [x]}\n")
    done = apply("schedules:\n- {name: a, task: t, cron: '0 3 * * *', tags: [x, y]}\n")
    assert done.out == (
        "change: a\n"
        "  cron: null → 0 3 * * *\n"
        "  every: 1h30m → null\n"
        "  priority: 3 → 0\n"
        '  tags: ["x"] → ["x", "y"]\n'
    )
    assert done.err.endswith("1 changed\n")
    changed = client.schedules.get("a")
    assert (changed.cron, changed.every, changed.priority) == ("0 3 * * *", None, 0)


def test_a_dry_run_changes_nothing(apply: Apply, client: Client) -> None:
    done = apply("schedules:\n- {name: a, task: t, every: 90m}\n", "--dry-run")
    assert done.out == "create: a\n  task: t\n  every: 1h30m\n"
    assert done.err.endswith("1 create (dry run)\n")
    assert client.schedules.list() == []


def test_what_only_the_database_has_stays_unless_it_is_to_be_pruned(apply: Apply, client: Client) -> None:
    client.schedules.create("old", "t", every="1h")
    text = "schedules:\n- {name: a, task: t, every: 1h}\n"
    assert actions(apply(text, "--json")) == {"a": "create", "old": "only in database"}
    assert actions(apply(text, "--json", "--dry-run", "--prune")) == {"a": "unchanged", "old": "delete"}
    assert len(client.schedules.list()) == 2
    assert apply(text, "--prune").err.endswith("1 unchanged, 1 deleted\n")
    assert [each.name for each in client.schedules.list()] == ["a"]


def test_a_pause_by_hand_outlives_the_next_application_unless_the_file_says_otherwise(
    apply: Apply, client: Client
) -> None:
    text = "schedules:\n- name: a\n  task: t\n  every: 1h\n"
    apply(text)
    client.schedules.pause("a", note="holiday")
    assert actions(apply(text, "--json")) == {"a": "unchanged"}
    assert not client.schedules.get("a").is_active
    done = apply(f"{text}  is_active: true\n  pause_note:\n")
    assert done.out == "change: a\n  is_active: false → true\n  pause_note: holiday → null\n"
    assert client.schedules.get("a").is_active


def test_the_zone_that_the_scheduler_wrote_is_no_difference(apply: Apply, client: Client, sql: Sql) -> None:
    text = "schedules:\n- {name: a, task: t, cron: '0 3 * * *'}\n"
    apply(text)
    sql("update hourhand.scheduled_jobs set timezone = 'UTC', next_run_at = now()")
    assert actions(apply(text, "--json")) == {"a": "unchanged"}
    sql("update hourhand.scheduled_jobs set timezone = 'Asia/Tokyo'")
    assert apply(text).out == "change: a\n  timezone: Asia/Tokyo → null\n"


def test_who_applied_it_is_in_the_audit_log(apply: Apply, sql: Sql) -> None:
    apply("schedules:\n- {name: a, task: t, every: 1h}\n")
    apply("schedules:\n- {name: a, task: t, every: 2h}\n")
    assert sql("select action, actor from hourhand.audit_log order by id") == [
        ("schedule.created", "postgres (hourhand-cli)"),
        ("schedule.changed", "postgres (hourhand-cli)"),
    ]


# --- Exporting ---


def test_an_export_applied_is_unchanged_whatever_the_fields(
    hourhand: Hourhand, apply: Apply, client: Client, sql: Sql
) -> None:
    client.schedules.create(
        "full", "t", every="1d2h3m4s", anchor=client.now(), payload={"ü": [1, 2.5, None, {"x": "0 3"}]},
        description="two\nlines: #1", catch_up="all", catch_up_window="90m", catch_up_limit=7, overlap="buffer_one",
        jitter=0.25, start_deadline="10m", starts_at=client.now(), max_runs=5, exclude=["sat", "2099-12-25"],
        queue="slow", priority=-5, max_attempts=2, timeout="1m", tags=["feeds", "yes"], dst_gap="skip",
        dst_overlap="both", timezone="Europe/Berlin", profile="sleeper",
    )  # fmt: skip
    client.schedules.create("once", "t", run_at="2099-01-01T09:00:00.5", timezone="Asia/Tokyo")
    client.schedules.create("crons", "t", cron=["0 3 * * *", "*/5 9-17 * * mon-fri"])
    client.schedules.create("fleet", "t", every=3600, rank_intervals={"81": "1d", "1": "36h", "limit": 5})
    client.schedules.pause("crons", note="no: why")
    sql(
        "insert into hourhand.scheduled_jobs (name, task, every, rank_intervals) values"
        """ ('no', 'null', '0.0015 hours', '{"1": "5 days"}')"""
    )
    text = hourhand("schedule", "export").out
    done = apply(text, "--json")
    assert actions(done) == dict.fromkeys(["crons", "fleet", "full", "no", "once"], "unchanged"), done
    assert "every: 1d2h3m4s" in text
    assert "jitter: 250ms" in text
    assert "'1': 1d12h" in text
    assert "catch_up_limit: 7" in text
    assert json.loads(hourhand("schedule", "export", "--json").out) == yaml.safe_load(text)
    assert "- name: crons\n  task: t\n  cron: 0 3 * * *;*/5 9-17 * * mon-fri\n  is_active: false\n" in text
    assert hourhand("schedule", "export").out == text


def test_odd_names_and_texts_come_back_from_an_export(
    hourhand: Hourhand, tmp_path: Path, client: Client, sql: Sql
) -> None:
    names = {
        "yes",
        "~",
        "010",
        "12:30",
        "2026-11-22",
        "<<",
        "- x",
        "a: b #c",
        "'\"",
        "Ünïcödé 日本",
        "a\u2028b",
    }
    texts = ["", " x", "x\t\n", "line\nline", "\x1b\x7f", "a\x85b", "\ufeff", "#"]
    for name in names:
        client.schedules.create(name, name, every="1h", payload={name: texts}, tags=[name], description=name)
    file = tmp_path / "exported.yaml"
    file.write_text(hourhand("schedule", "export").out, encoding="utf-8")
    sql("delete from hourhand.scheduled_jobs")
    assert actions(hourhand("schedule", "apply", file, "--json")) == dict.fromkeys(names, "create")
    for each in client.schedules.list():
        assert (each.task, each.payload, each.tags) == (each.name, {each.name: texts}, (each.name,))


def test_an_export_makes_the_same_schedules_elsewhere(
    hourhand: Hourhand, apply: Apply, client: Client
) -> None:
    apply(NEWS.read_text())
    text = hourhand("schedule", "export").out
    for schedule in client.schedules.list():
        client.schedules.delete(schedule.name)
    apply(text)
    assert hourhand("schedule", "export").out == text


def test_an_export_of_nothing_can_be_applied(hourhand: Hourhand, apply: Apply) -> None:
    text = hourhand("schedule", "export").out
    assert text == "schedules: []\n"
    assert apply(text).err == "The file names no schedule.\n"


# --- What is wrong ---


@pytest.mark.parametrize(
    ("lines", "line", "said"),
    [
        ("- name: a\n  task: t\n  every: often", 4, "a: every: 'often' is not a duration"),
        ("- name: a\n  task: t\n  cron: 0 61 * * *", 4, "a: hour '61' is out of range"),
        ("- name: a\n  task: t\n  cron: 0 0 30 2 *", 4, "never comes"),
        ("- name: a\n  task: t\n  every: 1h\n  timezone: Europe/Berln", 5, "did you mean Europe/Berlin?"),
        ("- name: a\n  task: t\n  evry: 1h", 4, "a: there is no field evry: did you mean every?"),
        ("- name: a\n  task: t", 2, "neither cron, every nor run_at is given"),
        ("- name: a\n  task: t\n  every: 1h\n  cron: '0 3 * * *'", 4, "cron and every are given"),
        ("- task: t\n  every: 1h", 2, "name is missing"),
        ("- name: a\n  every: 1h", 2, "a: task is missing"),
        ("- name: 5\n  task: t\n  every: 1h", 2, "name is no text but 5: put it in quotes"),
        ("- name: ' a'\n  task: t\n  every: 1h", 2, "name is no text of 1 to 200 characters"),
        ("- name: on\n  task: t\n  every: 1h", 2, "on can be read in two ways: write it in quotes, or true or false"),
        ('- name: "\\ud800"\n  task: t\n  every: 1h', 2, r"it holds '\ud800', which no database takes"),
        ("- name: a\n  task: t\n  every: yes", 4, "yes can be read in two ways"),
        ("- name: a\n  task: t\n  every: true", 4, "a: every is neither true nor false"),
        ("- name: a\n  task: t\n  every: 1:30", 4, "1:30 can be read in two ways"),
        ("- name: a\n  task: t\n  every: 1h\n  payload: {a: [no]}", 5, "no can be read in two ways"),
        ("- name: a\n  task: t\n  every: 1h\n  payload: {a: 010}", 5, "010 can be read in two ways"),
        ('- name: a\n  task: t\n  every: 1h\n  payload: {a: "\\0"}', 5, r"it holds '\x00'"),
        ("- name: a\n  task: t\n  every: 1h\n  exclude: sat", 5, "a: exclude is no list but the text 'sat'"),
        ("- name: a\n  task: t\n  every: 1h\n  priority: high", 5, "a: priority: Input should be a valid integer"),
        ("- name: a\n  task: t\n  every: 1h\n  priority: 101", 5, "a: priority: Input should be less"),
        ("- name: a\n  task: t\n  every: 1h\n  overlap: maybe", 5, "a: overlap: Input should be 'skip', 'buffer_one'"),
        ("- name: a\n  task: t\n  every: 1h\n  tags: x", 5, "a: tags"),
        ("- name: a\n  task: t\n  every: 1h\n  timeout: 0", 5, "a: timeout: 0"),
        ("- name: a\n  task: t\n  every: 1h\n  exclude: [someday]", 5, "exclude 'someday'"),
        ("- name: a\n  task: t\n  every: 1h\n  starts_at: 2026-01-01 00:00", 5, "a: starts_at 2026-01-01 00:00:00 has no offset"),
        ("- name: a\n  task: t\n  every: 1h\n  payload: [2026-01-01]", 5, "JSON has no dates"),
        ("- name: a\n  task: t\n  every: 1h\n  payload: 5", 5, "a payload is an object or a list"),
        ("- name: a\n  task: t\n  every: 1h\n  rank_intervals: {200: 1d}", 5, "'200' is neither a rank"),
        ("- name: a\n  task: hourhand.sequence\n  every: 1h\n  payload: {steps: []}", 5, "a: steps"),
        ("- name: a\n  task: t\n  every: 1h\n  every: 2h", 5, "every is given twice"),
        ("- name: a\n  task: t\n  every: [1h", 5, "expected ',' or ']'"),
        ("- just text", 2, "a schedule is not a mapping"),
        ("  name: a", 2, "`schedules` is not a list"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line_and_nothing_is_changed(
    apply: Apply, client: Client, tmp_path: Path, lines: str, line: int, said: str
) -> None:
    done = apply(f"schedules:\n{lines}\n")
    assert done.code == 78
    assert f"{tmp_path / 'schedules.yaml'}:{line}: " in done.err
    assert said in done.err
    assert client.schedules.list() == []


def test_all_that_is_wrong_is_told_at_once_and_the_good_ones_wait(apply: Apply, client: Client) -> None:
    done = apply(
        "schedules:\n"
        "- {name: good, task: t, every: 1h}\n"
        "- {name: bad, task: t, every: never}\n"
        "- {name: good, task: t, every: 2h}\n"
        "- {name: worse, task: t}\n"
    )
    assert re.findall(r"yaml:(\d+): ", done.err) == ["3", "4", "5"]
    assert "the name is taken by the schedule of line 2" in done.err
    assert "Nothing was changed." in done.err
    assert client.schedules.list() == []


def test_what_only_the_database_refuses_is_told_by_a_dry_run_too_and_changes_nothing(
    apply: Apply, client: Client
) -> None:
    refused = {
        "rank_intervals: {1: 1d}, payload: [1]": "the payload of a fleet is an object",
        f"payload: {{a: {'[' * 80}{']' * 80}}}": "nested deeper than 64 levels",
        f"payload: {{a: {'x' * 300_000}}}": "larger than 256 kB",
        "priority: 101": "priority",
    }
    for fields, said in refused.items():
        text = f"schedules:\n- {{name: a, task: t, every: 1h}}\n- {{name: b, task: t, every: 1h, {fields}}}\n"
        for option in ([], ["--dry-run"]):
            done = apply(text, *option)
            assert done.code == 78, (fields[:50], option)
            assert 'schedule "b"' in done.err or "b: " in done.err
            assert said in done.err
    named = apply("schedules:\n- {name: 'id:7', task: t, every: 1h}\n", "--dry-run")
    assert 'schedule "id:7": a schedule cannot be called "id:7"' in named.err
    assert "the schedule with this id" in named.err
    assert client.schedules.list() == []


def test_a_payload_is_checked_against_the_schema_that_a_worker_has_registered(
    apply: Apply, hand: Hand, client: Client
) -> None:
    done = apply("schedules:\n- {name: a, task: ingest-rss, every: 1h, payload: {limit: 5}}\n")
    assert done.code == 78
    assert ":2: a: the payload does not fit the task ingest-rss" in done.err
    assert client.schedules.list() == []


def test_a_payload_is_checked_by_a_task_that_is_known_here(apply: Apply) -> None:
    @task("known")
    def known(n: int) -> None: ...

    assert ":2: a: n: " in apply("schedules:\n- {name: a, task: known, every: 1h}\n").err


def test_values_may_be_shared_by_aliases(apply: Apply, client: Client) -> None:
    text = "x: &x {task: t, timezone: Asia/Tokyo}\nschedules:\n- {name: a, <<: *x, cron: 0 3 * * *}\n- {<<: *x, name: b, every: 1h, task: u}\n"
    assert apply(text).code == 0
    assert [(each.name, each.task, each.timezone) for each in client.schedules.list()] == [
        ("a", "t", "Asia/Tokyo"),
        ("b", "u", "Asia/Tokyo"),
    ]


def test_keys_of_a_payload_are_texts_as_they_are_written(apply: Apply, client: Client) -> None:
    apply("schedules:\n- {name: a, task: t, every: 1h, payload: {on: true, 1: a, yes: {no: [{~: 010a}]}}}\n")
    assert client.schedules.get("a").payload == {"on": True, "1": "a", "yes": {"no": [{"~": "010a"}]}}


def test_a_one_off_that_has_passed_may_stay_in_the_file(apply: Apply, client: Client, sql: Sql) -> None:
    text = "schedules:\n- {name: a, task: t, run_at: 2001-01-01T09:00:00}\n"
    assert apply(text).code == 0
    sql("update hourhand.scheduled_jobs set is_active = false")  # as the scheduler does
    assert actions(apply(text, "--json")) == {"a": "unchanged"}


def test_a_file_that_is_not_there_or_no_text_is_said(hourhand: Hourhand, tmp_path: Path) -> None:
    done = hourhand("schedule", "apply", tmp_path / "missing.yaml")
    assert (done.code, "cannot be read" in done.err) == (78, True)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    assert hourhand("schedule", "apply", tmp_path / "binary").code == 78
