"""Rows as `due_schedules` answers them."""

from typing import Any

COLUMNS: dict[str, Any] = {
    "id": 1,
    "name": "news",
    "cron": None,
    "every": None,
    "anchor": None,
    "run_at": None,
    "timezone": None,
    "dst_gap": "run_after",
    "dst_overlap": "first",
    "catch_up": "last",
    "catch_up_window": None,
    "catch_up_limit": 100,
    "overlap": "skip",
    "jitter": None,
    "starts_at": None,
    "ends_at": None,
    "max_runs": None,
    "exclude": None,
    "start_deadline": None,
    "profile": None,
    "paused_until": None,
    "revision": 7,
    "next_run_at": None,
    "last_run_at": None,
    "created_at": "2026-11-22T12:00:00+00:00",
    "runs_left": None,
}


def row(**columns: Any) -> dict[str, Any]:
    """By default a new schedule that fires every hour on the hour. Moments are ISO texts, durations seconds."""
    if not columns.keys() & {"cron", "every", "run_at"}:
        columns["cron"] = "0 * * * *"
    return COLUMNS | columns
