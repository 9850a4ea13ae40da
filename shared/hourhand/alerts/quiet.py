"""Hours of the day in which alerts wait."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo


def quiet_until(hours: tuple[time, time] | None, timezone: str, now: datetime) -> datetime | None:
    """The end of the quiet hours that `now` (aware) is in, in UTC; None outside of them."""
    if hours is None:
        return None
    since, until = hours
    zone = ZoneInfo(timezone)
    local = now.astimezone(zone)
    clock = local.time().replace(tzinfo=None)
    inside = since <= clock < until if since < until else clock >= since or clock < until
    if not inside:
        return None
    # A night that begins today ends tomorrow.
    day = local.date() + timedelta(days=1 if clock >= until else 0)
    return datetime.combine(day, until, zone).astimezone(UTC)
