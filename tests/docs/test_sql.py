"""The functions and tables in the reference are those of a migrated database."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.docs.markdown import ROOT, code, rows, sections

_PAGES = ROOT / "docs" / "reference"
_FUNCTIONS = sections(_PAGES / "functions.md", 2)
_TABLES = sections(_PAGES / "tables.md", 2)

_SIGNATURES = """
select p.proname, pg_get_function_arguments(p.oid) from pg_proc p
where p.pronamespace = 'hourhand'::regnamespace
"""
_COLUMNS = """
select c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relnamespace = 'hourhand'::regnamespace and c.relkind in ('r', 'p')
order by c.relname, a.attnum
"""
_CHECKS = """
select distinct pg_get_constraintdef(oid) from pg_constraint
where contype = 'c' and connamespace in ('hourhand'::regnamespace, 'hourhand_parts'::regnamespace)
"""
_SHORT = {"timestamp with time zone": "timestamptz", "timestamp without time zone": "timestamp"}

Sql = Callable[..., list[tuple[Any, ...]]]
Answer = Callable[..., Any]


def _shortened(text: str) -> str:
    for long, short in _SHORT.items():
        text = text.replace(long, short)
    return text


def _signature(name: str, arguments: str) -> str:
    text = re.sub(r"(?<=.)::[a-z ]+(\[\])?(?=,|$)", "", _shortened(arguments))
    return f"{name}({text.replace('DEFAULT', 'default').replace('NULL', 'null')})"


def _documented_signature(section: str) -> str:
    block = re.search(r"```sql\n(.*?)\n```", section, re.DOTALL)
    assert block is not None
    return re.sub(r"\s+", " ", block[1]).replace("( ", "(").replace(" )", ")")


def test_every_function_is_there_with_its_parameters_and_no_other(sql: Sql) -> None:
    real = {name: _signature(name, arguments) for name, arguments in sql(_SIGNATURES)}
    assert {name: _documented_signature(text) for name, text in _FUNCTIONS.items()} == real


def test_every_table_is_there_with_its_columns_and_types_and_no_other(sql: Sql) -> None:
    real: dict[str, list[tuple[str, str]]] = {}
    for table, column, kind in sql(_COLUMNS):
        real.setdefault(table, []).append((column, _shortened(kind)))
    documented = {
        table: [(code(row[0])[0], row[1]) for row in rows(section)] for table, section in _TABLES.items()
    }
    assert documented == real


def test_every_word_that_a_column_may_hold_is_explained(sql: Sql) -> None:
    told = {
        word for page in ("tables", "schedules") for word in code((_PAGES / f"{page}.md").read_text("utf-8"))
    }
    for (check,) in sql(_CHECKS):
        if "ARRAY[" in check:
            assert told >= set(re.findall(r"'(\w+)'::text", check)), check


def test_every_action_of_the_audit_log_is_named() -> None:
    sources = (ROOT / "shared" / "hourhand" / "sql" / "functions").glob("*.sql")
    written = {
        found
        for path in sources
        for found in re.findall(r"parts\.audit\('([a-z.]+)'", path.read_text("utf-8"))
    }
    assert set(code(_TABLES["audit_log"])) >= written


# --- Answers ---


@pytest.fixture
def answers(answer: Answer, sql: Sql) -> dict[str, Any]:
    """One answer of each function, from the life of a schedule, a fleet and some runs."""
    session = "00000000-0000-0000-0000-000000000001"
    heard: dict[str, Any] = {}

    def ask(function: str, *values: object) -> Any:
        heard[function] = answer(function, *values)
        return heard[function]

    for function in (
        "info",
        "clock",
        "ensure_partitions",
        "check_access",
        "prune",
        "rescue",
        "list_queues",
        "get_status",
    ):
        ask(function)
    ask("open_session", session, "worker", "w", "here", 1, "1", 30, [{"name": "t"}])
    ask("put_schedule", {"name": "s", "task": "t", "every": 60})
    answer(
        "put_schedule",
        {"name": "fleet", "task": "t", "every": 60, "rank_intervals": {"1": "1 day", "limit": 5}},
    )
    ask("put_schedules", [{"name": "s", "every": 60}])
    ask("set_items", "fleet", [{"item": "a"}])
    ask("list_items", "fleet")
    heard["remove_item"] = answer("remove_item", "fleet", "a")
    due = ask("due_schedules")["schedules"][0]
    firing = {
        "schedule_id": due["id"],
        "revision": due["revision"],
        "next_run_at": None,
        "then": "2100-01-01T00:00Z",
    }
    ask("fire", session, [firing])
    ask("pause_schedule", "s")
    ask("resume_schedule", "s")
    ask("trigger_schedule", "s")
    ask("backfill", "s", ["2026-01-01T00:00Z"])
    ask("list_firings", "s")
    ask("explain_firing", "s")
    ask("enqueue", "t")
    ask("enqueue_many", [{"task": "t"}])
    ask("enqueue_payloads", {"task": "t"}, [{}])
    ask("draft_run", {"task": "t"})
    run, other, *_ = ask("claim", session, "00000000-0000-0000-0000-000000000002", 5, ["t"])["runs"]
    ask("complete_run", other["id"], other["token"])
    held = {"id": run["id"], "token": run["token"]}
    ask("beat", session, [held])
    ask("set_progress", run["id"], run["token"], {"done": 1})
    ask(
        "append_logs",
        session,
        [
            {
                **held,
                "run_id": run["id"],
                "attempt": 1,
                "seq": 1,
                "at": "2026-01-01",
                "level": "INFO",
                "message": "x",
            }
        ],
    )
    ask("cancel_run", run["id"])
    ask("advance_sequence", 0)
    ask("finish", session, [{**held, "outcome": "cancelled"}])
    ask("retry_run", run["id"])
    ask("get_run", run["id"])
    ask("get_logs", run["id"])
    ask("list_runs")
    ask("count_runs")
    ask("list_schedules")
    ask("get_schedule", "s")
    ask("list_tasks")
    ask("pause_queue", "q")
    ask("resume_queue", "q")
    ask("limit_queue", "q")
    _ask_for_the_admin(ask, run["id"])
    _ask_to_monitor(ask)
    ask("delete_schedule", "s")
    ask("release", session, [])
    return heard


def _ask_for_the_admin(ask: Answer, run_id: int) -> None:
    secret = "a" * 64
    ask("get_overview")
    ask("browse_runs")
    ask("tail_logs", 1)
    ask("retry_runs", [])
    ask("cancel_runs", [])
    ask("reset_runs")
    ask("list_errors")
    ask("list_workers")
    ask("list_audit")
    ask("browse_schedules")
    ask("browse_schedule", "s")
    ask("browse_task", "t")
    ask("list_versions", "s")
    ask("list_calendar", "2026-01-01")
    ask("list_fleets")
    ask("steer_schedules", "pause", {"search": "nothing"})
    ask("get_changes")
    ask("change_schedule", "s", {"priority": 0})
    ask("create_run_token", run_id, secret)
    ask("use_run_token", secret)
    ask("put_user", "u", "viewer", "hash")
    ask("find_user", "u")
    ask("lock_user", "u")
    ask("lock_user", "u", "false")
    ask("list_users")
    ask("open_login", "u", secret)
    ask("use_login", secret)
    ask("close_login", secret)
    ask("close_logins", "u")
    ask("act_as", "somebody", "delete_user", {"p_name": "u"})
    ask("put_user", "u", "viewer", "hash")
    ask("delete_user", "u")
    ask("create_api_token", "t", "viewer", secret)
    ask("use_api_token", secret)
    ask("list_api_tokens")
    ask("revoke_api_token", "t")


def _ask_to_monitor(ask: Answer) -> None:
    ask("get_metrics")
    ask("watch")
    ask("test_alert", ["webhook"])
    ask("claim_messages", ["webhook"])
    ask("settle_messages", [])
    ask("list_alerts")
    ping = ask("put_ping", "backup", "1 hour")
    ask("ping", ping["id"])
    ask("list_pings")
    ask("delete_ping", "backup")
    ask("set_ping_target", "s", "https://hc.example.org/x")


def _keys(value: Any) -> set[str]:
    first = value[0] if isinstance(value, list) else value
    return set(first) if isinstance(first, dict) else {str(type(first).__name__)}


def _documented_keys(name: str) -> set[str]:
    """The keys of the answer, those of nested objects left out."""
    said = re.search(r"^Answers `([^`]+)`", _FUNCTIONS[name], re.MULTILINE)
    assert said is not None, f"what {name} answers is not said"
    if said[1].startswith("whatever"):
        return {"anything"}
    if said[1] in ("schedule", "queue", "run", "timestamptz"):
        return {said[1]}
    outer = re.sub(r"^\[|\]$", "", said[1])
    while outer != (outer := re.sub(r'("\w+": )\[?\{[^{}]*\}\]?', r"\1…", outer)):
        pass
    return set(re.findall(r'"(\w+)"', outer))


def _real_keys(name: str, answer: Any) -> set[str]:
    if name == "act_as":
        return {"anything"}
    keys = _keys(answer)
    columns = {table: {code(row[0])[0] for row in rows(section)} for table, section in _TABLES.items()}
    if keys >= columns["scheduled_jobs"]:
        return {"schedule"}
    if keys >= {"id", "task", "status", "attempts", "children"}:
        return {"run"}
    if keys == columns["queues"]:
        return {"queue"}
    return {"timestamptz"} if keys == {"datetime"} else keys


def test_every_function_answers_what_the_reference_says(answers: dict[str, Any]) -> None:
    assert set(answers) == set(_FUNCTIONS)
    real = {name: _real_keys(name, answer) for name, answer in answers.items()}
    assert {name: _documented_keys(name) for name in answers} == real
