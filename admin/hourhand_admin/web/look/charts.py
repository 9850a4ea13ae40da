"""Pictures drawn here as SVG: classes give the colours, so that no inline style is needed."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from markupsafe import Markup

from hourhand_admin.web.look.times import instant

Row = Mapping[str, Any]

_BAR, _GAP, _HEIGHT = 16, 4, 88
_TALL, _LOW = 14, 8  # of a strip: a failure stands out without colour too


def bars(hours: Sequence[Row], now: object) -> Markup:
    """Completed and failed runs of the last 24 hours, one bar an hour; hours without runs are drawn empty."""
    end = instant(now)
    if end is None:
        return Markup()
    rows = _all_hours(hours, end)
    most = max([completed + failed for _, completed, failed in rows] + [1])
    drawn = Markup().join(
        _bar(place, most, at, completed, failed) for place, (at, completed, failed) in enumerate(rows)
    )
    total, failures = sum(row[1] for row in rows), sum(row[2] for row in rows)
    return Markup(
        '<svg class="bars" viewBox="0 0 {} {}" role="img" aria-label="{} completed, {} failed in 24 hours">'
        '<path class="axis" d="M0 {}H{}"/>{}</svg>'
    ).format(24 * (_BAR + _GAP), _HEIGHT + 2, total, failures, _HEIGHT + 1, 24 * (_BAR + _GAP), drawn)


def strip(runs: Sequence[Row]) -> Markup:
    """The last runs of a schedule, the oldest first: one mark each."""
    if not runs:
        return Markup('<span class="none">no runs yet</span>')
    counts: dict[str, int] = {}
    for run in runs:
        counts[run["status"]] = counts.get(run["status"], 0) + 1
    told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    marks = Markup().join(_mark(place, run["status"]) for place, run in enumerate(runs))
    return Markup('<svg class="strip" width="{}" height="{}" role="img" aria-label="{}">{}</svg>').format(
        len(runs) * 6, _TALL, f"The last {len(runs)} runs: {told}", marks
    )


def _mark(place: int, status: str) -> Markup:
    height = _TALL if status == "failed" else _LOW
    return Markup('<rect class="s-{}" x="{}" y="{}" width="4" height="{}" rx="1"/>').format(
        status, place * 6, _TALL - height, height
    )


def _all_hours(hours: Sequence[Row], end: datetime) -> list[tuple[datetime, int, int]]:
    last = end.replace(minute=0, second=0, microsecond=0)
    known = {instant(row["hour"]): row for row in hours}
    rows = []
    for back in range(23, -1, -1):
        at = last - timedelta(hours=back)
        row = known.get(at, {"completed": 0, "failed": 0})
        rows.append((at, int(row["completed"]), int(row["failed"])))
    return rows


def _bar(place: int, most: int, at: datetime, completed: int, failed: int) -> Markup:
    x = place * (_BAR + _GAP)
    good, bad = round(completed / most * _HEIGHT), round(failed / most * _HEIGHT)
    # What happened is to be seen, however little it is beside the rest.
    good, bad = max(good, 2 if completed else 0), max(bad, 2 if failed else 0)
    good = min(good, _HEIGHT - bad)
    return Markup(
        "<g><title>{:%d %b %H:00} UTC: {} completed, {} failed</title>"
        '<rect class="slot" x="{}" y="0" width="{}" height="{}"/>'
        '<rect class="s-completed" x="{}" y="{}" width="{}" height="{}"/>'
        '<rect class="s-failed" x="{}" y="{}" width="{}" height="{}"/></g>'
    ).format(
        at,
        completed,
        failed,
        x,
        _BAR,
        _HEIGHT,
        x,
        _HEIGHT - good,
        _BAR,
        good,
        x,
        _HEIGHT - good - bad,
        _BAR,
        bad,
    )
