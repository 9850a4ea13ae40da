"""The last runs of a schedule as a picture: what became of each, and how long it took."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from hourhand_admin.web.look.times import between, duration

Row = Mapping[str, Any]

_STEP, _BAR = 10, 7
_TALL, _STRIP, _GAP = 72, 8, 6


def history(runs: Sequence[Row]) -> Markup:
    """The oldest first: a mark for the outcome, above it a bar for the time from its start to its end."""
    took = [between(run["started_at"], run["finished_at"]) for run in runs]
    longest = max([seconds for seconds in took if seconds], default=0.0)
    marks = Markup().join(
        _run(place, run, seconds, longest)
        for place, (run, seconds) in enumerate(zip(runs, took, strict=True))
    )
    counts = {
        status: sum(run["status"] == status for run in runs) for status in {run["status"] for run in runs}
    }
    told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    return Markup(
        '<svg class="history" viewBox="0 0 {} {}" preserveAspectRatio="xMinYMax" role="img"'
        ' aria-label="{}">{}</svg>'
    ).format(
        max(len(runs), 30) * _STEP,
        _TALL + _GAP + _STRIP,
        f"The last {len(runs)} runs: {told}. The longest took {duration(longest)}.",
        marks,
    )


def _run(place: int, run: Row, seconds: float | None, longest: float) -> Markup:
    height = max(2, round((seconds or 0) / longest * _TALL)) if seconds is not None and longest else 0
    took = f", {duration(seconds)}" if seconds is not None else ""
    return Markup(
        '<g class="s-{0}"><title>Run {1}: {0}{2}</title>'
        '<rect class="took" x="{3}" y="{4}" width="{5}" height="{6}"/>'
        '<rect class="s-{0}" x="{3}" y="{7}" width="{5}" height="{8}" rx="1"/></g>'
    ).format(
        run["status"], run["id"], took, place * _STEP, _TALL - height, _BAR, height, _TALL + _GAP,
        _STRIP if run["status"] in ("failed", "cancelled") else _STRIP // 2,
    )  # fmt: skip
