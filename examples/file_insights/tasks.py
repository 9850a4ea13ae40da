"""The tasks: `process-file`, a run for each row of `processing_jobs`, and `mirror-runs`, their mirror."""

from pathlib import Path
from uuid import UUID

from examples.common.database import connect
from examples.file_insights import jobs
from examples.file_insights.documents import Unusable
from examples.file_insights.workflow import Insight, run_complete_workflow
from hourhand import Cancel, Discard, RetryPolicy, Run, task

ATTEMPTS = 4  # retried up to 3 times
MEMORY_MB = 1024  # beyond it the analysis fails, and nothing else


@task(
    "process-file",
    max_attempts=ATTEMPTS,
    timeout=600,
    isolation="process",
    memory_mb=MEMORY_MB,
    retry=RetryPolicy(first=2, factor=3),
)
def process_file(run: Run, job_id: UUID) -> None:
    """Analyse the file of one row, and store what was found together with the end of the run."""
    with connect() as db:
        job = jobs.begin(db, job_id, run.id, run.attempt)
    if job is None:
        raise Cancel("its row was deleted, or has another run by now")
    run.log.info("analysing {}", job.file_path)
    insights = _analysed(run, job)
    with connect() as db:
        jobs.complete(db, job.id, insights)
        run.complete_in(db, {"insights": len(insights)})


@task("mirror-runs", max_attempts=2, timeout=60)
def mirror_runs() -> dict[str, int]:
    """Fail the rows whose run has ended without its task: cancelled, crashed, lost."""
    with connect() as db:
        return {"rows": jobs.reconcile(db)}


def _analysed(run: Run, job: jobs.Job) -> list[Insight]:
    """Run the workflow; what goes wrong is written into the row as well."""
    try:
        return run_complete_workflow(_file(job), job.business_description)
    except (Unusable, Discard) as fault:
        with connect() as db:
            jobs.fail(db, job.id, str(fault))
        raise Discard(str(fault)) from fault
    except Exception as error:
        note = jobs.put_off if run.attempt < run.max_attempts else jobs.fail
        with connect() as db:
            note(db, job.id, str(error) or type(error).__name__)
        raise


def _file(job: jobs.Job) -> Path:
    if job.file_path is None:
        raise Unusable("the row names no file: set file_id")
    return Path(job.file_path)
