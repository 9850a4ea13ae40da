import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest

from hourhand import log
from hourhand.run import Reporter
from hourhand.settings import load_settings
from hourhand.tasks import task
from hourhand_worker import journal
from hourhand_worker.attempt import Attempt
from hourhand_worker.journal import MOST_LINES, Journal

FAILED = {"class": "OSError", "message": "gone"}


@task("read-feed")
def ingest() -> None: ...


def attempt(**columns: Any) -> Attempt:
    row = {
        "id": 7,
        "token": "t",
        "timeout": None,
        "attempt": 1,
        "max_attempts": 4,
        "lost_count": 0,
        **columns,
    }
    return Attempt(row, ingest, "s", cast(Reporter, None))


@contextmanager
def logging_as(form: str) -> Iterator[Journal]:
    log.configure(load_settings(log_format=form, log_level="INFO"), "worker")
    try:
        yield Journal()
    finally:
        log.close()


@pytest.mark.parametrize(
    ("columns", "result", "sentence"),
    [
        ({}, {"outcome": "completed"}, "Job run 7 (read-feed) completed after 3 ms"),
        (
            {"attempt": 2},
            {"outcome": "cancelled", "error": {"class": "", "message": "no need"}},
            "Job run 7 (read-feed) was cancelled after 3 ms (attempt 2): no need",
        ),
        ({}, {"outcome": "snooze", "delay": 60.0}, "Job run 7 (read-feed) put itself off; again in 60 s"),
        (
            {},
            {"outcome": "retry", "delay": 2.04, "error": FAILED},
            "Job run 7 (read-feed) failed, attempt 1 of 4: OSError: gone; again in 2 s",
        ),
        (
            {"attempt": 5, "lost_count": 1},
            {"outcome": "failed", "error": FAILED},
            "Job run 7 (read-feed) failed, attempt 5 of 5: OSError: gone",
        ),
    ],
)
def test_the_end_of_a_run_is_one_sentence(
    capsys: pytest.CaptureFixture[str], columns: dict[str, Any], result: dict[str, Any], sentence: str
) -> None:
    with logging_as("text") as written:
        written.finished(attempt(**columns), {"duration_ms": 3.2, **result})
    captured = capsys.readouterr()
    assert (captured.out + captured.err).endswith(f"[Worker] {sentence}\n")


def test_a_fast_worker_sums_up_what_goes_well_and_tells_every_failure(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "monotonic", lambda: 5.5)
    with logging_as("text") as written:
        for _ in range(MOST_LINES):
            written.begun(attempt())
            written.finished(attempt(), {"outcome": "completed", "duration_ms": 0.1})
        written.finished(attempt(), {"outcome": "failed", "duration_ms": 0.1, "error": FAILED})
        written.beat(held=0)
        written.beat(held=0)
        monkeypatch.setattr(journal, "monotonic", lambda: 6.5)
        written.begun(attempt())
    captured = capsys.readouterr()
    kinds = re.findall(r"Processing|completed after|more job run", captured.out)
    assert kinds == ["Processing", "completed after"] * (MOST_LINES // 2) + ["more job run", "Processing"]
    assert f"{MOST_LINES // 2} more job run(s) ended well" in captured.out
    assert captured.err.count("failed, attempt 1 of 4") == 1


def test_a_log_for_programs_is_complete(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_as("json") as written:
        for _ in range(MOST_LINES):
            written.begun(attempt())
            written.finished(attempt(), {"outcome": "completed", "duration_ms": 0.1})
    assert capsys.readouterr().out.count("\n") == 2 * MOST_LINES
