"""Rows as they are processed: plain SQL, a real worker, a real database."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from examples.common.database import Connection, connect
from examples.conftest import Python
from examples.file_insights import jobs
from examples.file_insights.tasks import ATTEMPTS, mirror_runs, process_file
from hourhand import Client
from hourhand.testing import run_inline

Work = Callable[[], None]

pytestmark = pytest.mark.usefixtures("tables")

SALES = str(Path(__file__).parents[1] / "files" / "bakery-sales.csv")
FILE = "insert into file_insights.files (file_path) values (%s) returning id"
JOB = """
    insert into file_insights.processing_jobs (file_id, business_description, job_type)
    values (%s, 'a bakery', 'analysis') returning id
"""


@pytest.fixture
def work(python: Python) -> Work:
    """Runs a worker until nothing is left to do."""

    def work() -> None:
        done = python(
            *("hourhand", "worker", "--drain", "--batch", "1", "--concurrency", "1"),
            *("--tasks", "examples.file_insights.tasks"),
        )
        assert done.returncode in (0, 1), done.stderr

    return work


def row(db: Connection, job_id: UUID) -> dict[str, Any]:
    cursor = db.execute("select * from file_insights.processing_jobs where id = %s", (job_id,))
    values = cursor.fetchone()
    assert values is not None
    return dict(zip([column.name for column in cursor.description or ()], values, strict=True))


def test_a_row_inserted_in_plain_sql_is_processed_and_its_insights_are_stored(
    each_url: str, db: Connection, work: Work
) -> None:
    (file_id,) = db.execute(FILE, (SALES,)).fetchone() or ()
    (job_id,) = db.execute(JOB, (file_id,)).fetchone() or ()
    work()
    job = row(db, job_id)
    assert (job["status"], job["retry_count"], job["error_message"]) == ("completed", 0, None)
    assert job["created_at"] <= job["started_at"] <= job["completed_at"]
    insights = jobs.insights_of(db, job_id)
    assert sorted(kind for kind, _, _ in insights) == ["anomaly", "profile", "summary", "trend"]
    assert all(0 <= confidence <= 1 for _, _, confidence in insights)
    with Client() as client:
        assert client.runs.get(job["metadata"]["run_id"]).result == {"insights": 4}


def test_an_insert_that_is_rolled_back_leaves_no_run(url: str, db: Connection) -> None:
    with db.transaction(force_rollback=True):
        jobs.add(db, SALES, "")
    with Client() as client:
        assert client.runs.list() == []


def test_a_missing_file_fails_at_once_with_its_path_and_the_others_go_on(
    url: str, db: Connection, work: Work
) -> None:
    missing, present = jobs.add(db, "/nowhere/sales.csv", ""), jobs.add(db, SALES, "")
    work()
    job = row(db, missing)
    assert (job["status"], job["retry_count"]) == ("failed", 0)
    assert job["error_message"] == "file not found: /nowhere/sales.csv"
    assert job["completed_at"] is not None
    assert row(db, present)["status"] == "completed"


def test_what_may_pass_is_retried_three_times(url: str, db: Connection, tmp_path: Path) -> None:
    looped = tmp_path / "loop.csv"
    looped.symlink_to(looped)  # an OSError for root as well, whom a mode of 0 would not stop
    job_id = jobs.add(db, str(looped), "")
    run_id = row(db, job_id)["metadata"]["run_id"]
    told = []
    for attempt in range(1, ATTEMPTS + 1):
        with pytest.raises(OSError, match="symbolic links"):
            run_inline(
                process_file, {"job_id": str(job_id)}, attempt=attempt, id=run_id, max_attempts=ATTEMPTS
            )
        told.append((row(db, job_id)["status"], row(db, job_id)["retry_count"]))
    assert told == [("pending", 0), ("pending", 1), ("pending", 2), ("failed", 3)]
    assert "Too many levels of symbolic links" in row(db, job_id)["error_message"]


def test_the_commands_for_emergencies_work_as_they_always_did(url: str, db: Connection, work: Work) -> None:
    failed = jobs.add(db, "/nowhere/sales.csv", "")
    work()
    db.execute("update file_insights.files set file_path = %s", (SALES,))
    db.execute(
        "update file_insights.processing_jobs set status = 'pending', retry_count = 0, error_message = null"
        " where status = 'failed'"
    )
    work()
    assert row(db, failed)["status"] == "completed"


def test_a_row_whose_run_is_cancelled_is_told(url: str, db: Connection) -> None:
    job_id = jobs.add(db, SALES, "")
    with Client() as client:
        client.runs.cancel(row(db, job_id)["metadata"]["run_id"])
    assert mirror_runs() == {"rows": 1}
    assert (row(db, job_id)["status"], row(db, job_id)["error_message"]) == (
        "failed",
        "the run was cancelled",
    )


def test_a_deleted_row_cancels_its_run(url: str, db: Connection) -> None:
    job_id = jobs.add(db, SALES, "")
    db.execute("delete from file_insights.processing_jobs")
    assert run_inline(process_file, {"job_id": str(job_id)}).outcome == "cancelled"


def test_two_attempts_at_once_store_one_set_of_insights(url: str, db: Connection, work: Work) -> None:
    job_id = jobs.add(db, SALES, "")
    run_id = row(db, job_id)["metadata"]["run_id"]
    with connect(url) as other:
        assert jobs.begin(other, job_id, run_id, 1) is not None  # an attempt whose worker died here
    work()
    assert len(jobs.insights_of(db, job_id)) == 4
    with connect(url) as other:
        assert jobs.begin(other, job_id, run_id + 1, 1) is None


@pytest.mark.slow
def test_the_example_runs_over_the_api_of_supabase(supabase_url: str, python: Python) -> None:
    done = python("examples.file_insights")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "failed  moved-away.csv: file not found: " in done.stdout
    assert "failed  torn.json: torn.json is damaged: " in done.stdout
    assert "completed  bakery-sales.xlsx: 4 insights" in done.stdout
