"""In which state a schedule is; the same words as in the filter of `browse_schedules`."""

from collections.abc import Mapping
from typing import Any

from hourhand_admin.web.look.times import instant

STATES = ("active", "paused", "broken")


def state(row: Mapping[str, Any], now: str) -> str:
    if row["error"]:
        return "broken"
    until, moment = instant(row["paused_until"]), instant(now)
    rests = until is not None and moment is not None and until > moment
    return "paused" if rests or not row["is_active"] else "active"
