"""What the rows of the database are called on pages."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from hourhand.errors import HourhandError
from hourhand.timetable import describe
from hourhand_admin.web.look import times

Row = Mapping[str, Any]

RUN_STATUSES = ("pending", "processing", "completed", "failed", "cancelled")


def prose(text: str) -> Markup:
    """A text whose commands stand between backticks, as hints have them."""
    parts = text.split("`")
    return Markup().join(
        Markup("<code>{}</code>").format(part) if place % 2 else part for place, part in enumerate(parts)
    )


def timing(schedule: Row) -> str:
    """When a schedule fires, in English; the expression itself where there are no words for it."""
    if schedule["cron"]:
        return _cron(schedule["cron"], schedule["name"])
    if schedule["every"]:
        return f"Every {times.duration(schedule['every'])}"
    return f"Once, at {str(schedule['run_at']).replace('T', ' ')}"


def _cron(cron: str, name: str) -> str:
    try:
        return describe(cron, name)
    except HourhandError:
        return cron
