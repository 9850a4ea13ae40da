"""An API beside the worker: it calls the same workflow, or leaves a row for it.

uvicorn examples.file_insights.api:app
"""

from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field

from examples.common.database import connect
from examples.file_insights import jobs
from examples.file_insights.documents import Unusable
from examples.file_insights.workflow import Insight, run_complete_workflow
from hourhand import Discard, Retry

app = FastAPI(title="File insights")


class File(BaseModel):
    path: Annotated[str, Field(min_length=1, max_length=500)]
    business_description: str = ""


@app.post("/analyze")
def analyze(file: File) -> list[Insight]:
    """Wait for the insights of one file."""
    try:
        return run_complete_workflow(Path(file.path), file.business_description)
    except Unusable as fault:
        raise HTTPException(422, str(fault)) from fault
    except (Retry, Discard) as fault:  # the language model does not answer, or refuses
        raise HTTPException(503, str(fault)) from fault


@app.post("/jobs", status_code=202)
def add_job(file: File) -> dict[str, UUID]:
    """Leave a row; a worker processes it whenever one runs."""
    with connect() as db:
        return {"id": jobs.add(db, file.path, file.business_description)}


@app.get("/jobs/{job_id}")
def get_job(job_id: UUID) -> dict[str, Any]:
    with connect() as db:
        state = jobs.state_of(db, job_id)
        if state is None:
            raise HTTPException(404, "no such job")
        return {**state, "insights": jobs.insights_of(db, job_id)}
