"""The API and the worker: the same workflow, the same tables, and neither needs the other."""

from pathlib import Path

import pytest
from fastapi import HTTPException

from examples.common.database import Connection
from examples.common.tests import endpoint
from examples.file_insights.api import File, add_job, analyze, get_job

SALES = str(Path(__file__).parents[1] / "files" / "bakery-sales.csv")


def test_the_api_finds_what_the_worker_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [insight.kind for insight in analyze(File(path=SALES))] == [
        *("profile", "anomaly", "trend", "summary"),
    ]
    with pytest.raises(HTTPException, match="file not found"):
        analyze(File(path="/nowhere/sales.csv"))
    with endpoint.serving() as model:
        for name, value in model.environment().items():
            monkeypatch.setenv(name, value)
        model.reply = lambda instruction, text: endpoint.Refusal(401, "who are you?")
        with pytest.raises(HTTPException, match=r"503: .* answers 401: who are you"):
            analyze(File(path=SALES))


@pytest.mark.usefixtures("tables")
def test_a_row_left_by_the_api_waits_for_a_worker(url: str, db: Connection) -> None:
    job = get_job(add_job(File(path=SALES, business_description="a bakery"))["id"])
    assert job == {"status": "pending", "retry_count": 0, "error_message": None, "insights": []}
