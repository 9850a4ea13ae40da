"""What the tasks read from and write to the tables of schema `file_insights`, a statement a function."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import UUID

from psycopg.types.json import Jsonb

from examples.common.database import Connection
from examples.file_insights.workflow import Insight

MIGRATIONS = Path(__file__).parent / "sql"


@dataclass(frozen=True, slots=True)
class Job:
    id: UUID
    file_path: str | None  # None: the row names no file
    business_description: str


def add(db: Connection, path: str, business_description: str, job_type: str = "analysis") -> UUID:
    """Add a file and a row that asks for its analysis; the trigger of the table makes the run."""
    row = db.execute(
        """
        with file as (
          insert into file_insights.files (file_path, original_name) values (%s, %s) returning id
        )
        insert into file_insights.processing_jobs (file_id, business_description, job_type)
        select id, %s, %s from file returning id
        """,
        (path, Path(path).name, business_description, job_type),
    ).fetchone()
    assert row is not None
    job_id: UUID = row[0]
    return job_id


def begin(db: Connection, job_id: UUID, run_id: int, attempt: int) -> Job | None:
    """Mark the row as processing; None when it was deleted, or has another run by now."""
    row = db.execute(
        """
        update file_insights.processing_jobs job
        set status = 'processing', started_at = localtimestamp, updated_at = localtimestamp,
            completed_at = null, retry_count = %(retry)s
        where id = %(id)s and metadata ->> 'run_id' = %(run)s
        returning id, (select file_path from file_insights.files where id = job.file_id), business_description
        """,
        {"id": job_id, "run": str(run_id), "retry": attempt - 1},
    ).fetchone()
    return Job(row[0], row[1], row[2] or "") if row else None


def complete(db: Connection, job_id: UUID, insights: Sequence[Insight]) -> None:
    """Replace the insights of the row, and mark it as completed."""
    db.execute(
        """
        with old as (
          delete from file_insights.insights where job_id = %(id)s
        ), new as (
          insert into file_insights.insights (job_id, insight_type, content, confidence_score)
          select %(id)s, kind, content, confidence
          from jsonb_to_recordset(%(insights)s) as insight (kind text, content jsonb, confidence numeric)
        )
        update file_insights.processing_jobs
        set status = 'completed', completed_at = localtimestamp, updated_at = localtimestamp,
            error_message = null
        where id = %(id)s
        """,
        {"id": job_id, "insights": Jsonb([asdict(insight) for insight in insights])},
    )


def put_off(db: Connection, job_id: UUID, reason: str) -> None:
    """Note why an attempt failed, before the next one."""
    db.execute(
        """
        update file_insights.processing_jobs
        set status = 'pending', started_at = null, updated_at = localtimestamp, error_message = %s
        where id = %s
        """,
        (reason, job_id),
    )


def fail(db: Connection, job_id: UUID, reason: str) -> None:
    db.execute(
        """
        update file_insights.processing_jobs
        set status = 'failed', completed_at = localtimestamp, updated_at = localtimestamp, error_message = %s
        where id = %s
        """,
        (reason, job_id),
    )


def reconcile(db: Connection) -> int:
    """Tell the rows what happened to their runs behind the task's back; how many were told.

    A run may end without its task: it was cancelled, its process crashed, its worker was lost too often.
    """
    return db.execute(
        """
        update file_insights.processing_jobs job
        set status = 'failed', completed_at = localtimestamp, updated_at = localtimestamp,
            error_message = case run.status when 'cancelled' then 'the run was cancelled' else run.error end
        from hourhand.job_runs run
        where job.status in ('pending', 'processing') and run.id = (job.metadata ->> 'run_id')::bigint
          and run.status in ('failed', 'cancelled')
        """
    ).rowcount


def overview(db: Connection, job_ids: Sequence[UUID]) -> list[tuple[str, str, int, str]]:
    """Of each of the rows its file, its status, how many insights it has, and its error."""
    rows = db.execute(
        """
        select coalesce(original_name, file_path, 'no file'), job.status,
          (select count(*) from file_insights.insights where job_id = job.id), coalesce(error_message, '')
        from file_insights.processing_jobs job left join file_insights.files file on file.id = job.file_id
        where job.id = any(%s)
        order by original_name
        """,
        (list(job_ids),),
    )
    return [(name, status, insights, error) for name, status, insights, error in rows]


def state_of(db: Connection, job_id: UUID) -> dict[str, object] | None:
    row = db.execute(
        "select status, retry_count, error_message from file_insights.processing_jobs where id = %s",
        (job_id,),
    ).fetchone()
    return dict(zip(("status", "retry_count", "error_message"), row, strict=True)) if row else None


def insights_of(db: Connection, job_id: UUID) -> list[tuple[str, dict[str, object], float]]:
    """Type, content and confidence of each insight of a row."""
    rows = db.execute(
        """
        select insight_type, content, confidence_score::float from file_insights.insights
        where job_id = %s order by created_at, insight_type
        """,
        (job_id,),
    )
    return [(kind, content, confidence) for kind, content, confidence in rows]
