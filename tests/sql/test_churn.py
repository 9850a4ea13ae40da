"""Several processes do everything at once to one database; afterwards the books must balance."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PROCESSES = 4
SECONDS = 20


STEPS_TWICE = """
select parent_id, unique_key, count(*) from hourhand.job_runs where unique_key like 'hourhand.step %'
group by 1, 2 having count(*) > 1
"""
ASLEEP = """
select s.id, s.progress from hourhand.job_runs s
where s.task = 'hourhand.sequence' and s.status = 'pending' and s.run_at > now() and s.progress is not null
  and not exists (
    select from hourhand.job_runs c
    where c.parent_id = s.id and c.unique_key like 'hourhand.step %' and c.status in ('pending', 'processing')
  )
"""


def churn(url: str) -> list[dict[str, Any]]:
    clients = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.support.churn", url, str(seed), str(SECONDS)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        for seed in range(PROCESSES)
    ]
    outputs = [client.communicate(timeout=SECONDS + 60)[0] for client in clients]
    assert [client.returncode for client in clients] == [0] * PROCESSES
    return [json.loads(output) for output in outputs]


@pytest.mark.slow
def test_random_churn_deadlocks_never_and_loses_and_doubles_nothing(
    database_url: str, sql: Callable[..., list[Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(1, 7):
        overlap = ["skip", "buffer_one", "buffer_all", "cancel_other", "allow_all", "skip"][number - 1]
        sql(
            "insert into hourhand.scheduled_jobs (name, task, every, overlap) values (%s, 'swift', '1 s', %s)",
            f"often-{number}",
            overlap,
        )
    bands = '{"50": "1 second", "1": "3 seconds", "limit": 5}'
    sql(
        "insert into hourhand.scheduled_jobs (name, task, every, rank_intervals) values ('fleet', 'swift', '1 s', %s)",
        bands,
    )
    accounts = churn(database_url)

    errors = sum((Counter(account["errors"]) for account in accounts), Counter[str]())
    created = [run_id for account in accounts for run_id in account["created"]]
    tokens = [tuple(pair) for account in accounts for pair in account["tokens"]]
    ended = [tuple(entry) for account in accounts for entry in account["ended"]]
    fired = [tuple(entry) for account in accounts for entry in account["fired"]]
    backfilled = [run_id for account in accounts for run_id in account["backfilled"]]
    stored = sql("select id, status, token::text from hourhand.job_runs")
    status = {row[0]: (row[1], row[2]) for row in stored}
    terminal = [
        entry
        for entry in ended
        if status[entry[0]][1] == entry[1] and status[entry[0]][0] not in ("pending", "processing")
    ]
    deadlocks = sql("select deadlocks from pg_stat_database where datname = current_database()")[0][0]
    lost = set(created) - set(status)
    doubled = [run_id for run_id, count in Counter(row[0] for row in stored).items() if count > 1]
    with capsys.disabled():
        calls = sum((Counter(account["calls"]) for account in accounts), Counter[str]())
        print(
            f"\nchurn: {calls.total()} calls, {len(created)} runs, {len(tokens)} attempts, {len(ended)} outcomes, "
            f"{len(fired)} firings, {len(backfilled)} backfilled; {deadlocks} deadlocks, {len(lost)} lost, {len(doubled)} doubled, {errors.total()} errors"
        )

    assert errors == Counter()
    assert deadlocks == 0
    assert not lost
    assert not doubled
    assert len(created) == len(set(created)), "a run was acknowledged as new twice"
    assert len(tokens) == len(set(tokens)) or _only_repeated_by_replay(accounts), (
        "two claims gave the same attempt"
    )
    assert len(ended) == len({entry[:2] for entry in ended}), "an attempt delivered two outcomes"
    assert len(terminal) == len({entry[0] for entry in terminal}), "a run ended twice"
    assert len(fired) == len(set(fired)), "an instant fired twice"
    ledger = "select count(*) from hourhand.schedule_firings where run_id is not null and decision ="
    assert sql(f"{ledger} 'fired'")[0][0] == len(fired)
    assert sql(f"{ledger} 'backfilled'")[0][0] == len(backfilled) == len(set(backfilled))
    assert sql(STEPS_TWICE) == []
    assert sql(ASLEEP) == [], "a sequence was not woken by the end of its step"
    assert sql("select count(*) from hourhand.job_runs where item_key is not null")[0][0] > 100
    assert sql("select count(*) from hourhand.job_runs where unique_key like 'hourhand.step %%'")[0][0] > 100
    assert len(created) > 500
    assert len(fired) > 20


def _only_repeated_by_replay(accounts: list[dict[str, Any]]) -> bool:
    """A replayed claim gives its own client the same attempts again, never another client."""
    owners: dict[tuple[Any, ...], int] = {}
    return all(
        owners.setdefault(tuple(pair), n) == n
        for n, account in enumerate(accounts)
        for pair in account["tokens"]
    )
