"""Rows that somebody wrote by hand: whatever passes the checks of the tables spoils no other run."""

import psycopg
import pytest

from tests.support import eventually
from tests.support.chaos import Site

pytestmark = pytest.mark.slow

INSERT = "insert into hourhand.job_runs (task, payload, timeout, run_at, scheduled_for) values "

# Of the task "exact", which takes one whole number as n.
HOSTILE = {
    "null": "('exact', 'null', default, default, default)",
    "a list": "('exact', '[1, 2, 3]', default, default, default)",
    "another type": """('exact', '{"n": "three"}', default, default, default)""",
    "names of our own": """('exact', '{"n": 3, "run": 4, "self": 5}', default, default, default)""",
    "no name": """('exact', '{"": 3}', default, default, default)""",
    "digits for 4 kB": f"""('exact', '{{"n": {"9" * 4400}}}', default, default, default)""",
    "digits for a float": f"""('exact', '{{"n": {"9" * 308}}}', default, default, default)""",
    "more than a float": """('exact', '{"n": 1e400}', default, default, default)""",
    "many decimals": f"""('exact', '{{"n": 0.{"1" * 300}}}', default, default, default)""",
    "depth": f"""('exact', '{{"n": {"[" * 63}{"]" * 63}}}', default, default, default)""",
    "more depth": f"""('exact', '{{"n": {"[" * 3000}{"]" * 3000}}}', default, default, default)""",
    "control characters": """('exact', '{"n": "\\u0001\\u001b[31m"}', default, default, default)""",
    "a lone surrogate": """('exact', '{"n": "\\ud800"}', default, default, default)""",
    "a timeout without end": """('hold-async', '{"gate": "never"}', 'infinity', default, default)""",
    "a timeout of ages": """('exact', '{"n": 1}', '178000000 years', default, default)""",
    "before Christ": """('exact', '{"n": 1}', default, '4713-01-01 BC', default)""",
    "the year 20000": """('exact', '{"n": 1}', default, '20000-01-01', default)""",
    "an instant of the year 20000": """('exact', '{"n": 1}', default, default, '20000-01-01')""",
    "an instant without end": """('exact', '{"n": 1}', default, default, 'infinity')""",
}


def insert(site: Site, row: str) -> str:
    """accepted, or the constraint or the reason for which it was refused."""
    try:
        site.rows(INSERT + row)
    except psycopg.Error as error:
        return error.diag.constraint_name or str(error.diag.message_primary)
    return "accepted"


def test_a_poison_payload_in_a_batch_of_five_fails_alone(site: Site) -> None:
    good = """('exact', '{"n": 1}', default, default, default)"""
    site.rows(f"{INSERT} {good}, {good}, {HOSTILE['another type']}, {HOSTILE['digits for a float']}, {good}")
    worker = site.worker(JOB_WORKER_BATCH=5)
    ends = "select status, error, attempt from hourhand.job_runs order by id"
    eventually(lambda: len(worker.events("run.finished")) == 5, 30, interval=0.05)
    statuses = [(status, attempt) for status, _, attempt in site.rows(ends)]
    assert statuses == [("completed", 1)] * 2 + [("failed", 1)] + [("completed", 1)] * 2
    assert "n: " in site.rows(ends)[2][1]
    assert site.value("select count(distinct claim_id) from hourhand.job_runs") == 1, "one batch"


def test_no_row_that_the_tables_accept_stops_a_worker(site: Site) -> None:
    worker = site.worker()
    site.await_open()
    session = worker.session
    answers = {name: insert(site, row) for name, row in HOSTILE.items()}
    site.rows(INSERT + """('hold-async', '{"gate": "never"}', '0.3 seconds', default, default)""")
    sound = [site.enqueue("exact", {"n": n}) for n in range(10)]
    eventually(lambda: all(site.status(run) == "completed" for run in sound), 20, interval=0.1)
    # Whatever the timeouts of others were, time is still watched.
    eventually(lambda: worker.said("run.finished", error_class="TimeoutError"), 10, interval=0.1)
    due = "task = 'exact' and status in ('pending', 'processing') and run_at <= now()"
    eventually(
        lambda: site.value(f"select count(*) from hourhand.job_runs where {due}") == 0, 10, interval=0.1
    )

    accepted = [name for name, answer in answers.items() if answer == "accepted"]
    failed = site.rows("select error from hourhand.job_runs where status = 'failed' and task = 'exact'")
    assert all("BadPayload" in error for (error,) in failed)
    assert len(accepted) >= len(failed) > 4
    assert [event for event in worker.events() if event["level"] == "ERROR"] == []
    assert worker.session == session
    assert worker.process.poll() is None
