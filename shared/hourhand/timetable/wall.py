"""Local times as people write them: clock changes skip some and repeat others."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hourhand.timetable.zones import BLOCK, Shift, offset, shifts, zone

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  (local time)
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Wall:
    """A local time in a zone. `instants` (UTC) are two where clocks repeat it.

    Where they skip it, there is only the moment of the change. `note` says so in a sentence.
    """

    instants: tuple[datetime, ...]
    note: str | None = None


def wall(at: datetime, timezone: str) -> Wall:
    """What the local time `at` (without a zone) means. Raises BadSchedule for an unknown zone."""
    place = zone(timezone)
    second, rest = divmod(at.replace(tzinfo=None) - _EPOCH, timedelta(seconds=1))
    for shift in _shifts_near(timezone, second):
        if shift.at + shift.before <= second < shift.at + shift.after:
            return Wall((_utc(shift.at),), _told(at, timezone, shift, "does not exist", "forward"))
        if shift.at + shift.after <= second < shift.at + shift.before:
            twice = tuple(_utc(second - ahead) + rest for ahead in (shift.before, shift.after))
            return Wall(twice, _told(at, timezone, shift, "comes twice", "back"))
    ahead = offset(place, second - offset(place, second))
    return Wall((_utc(second - ahead) + rest,))


def _shifts_near(timezone: str, second: int) -> list[Shift]:
    blocks = range((second - 2 * _DAY) // BLOCK, (second + 2 * _DAY) // BLOCK + 1)
    return [shift for block in blocks for shift in shifts(zone(timezone), block)]


def _told(at: datetime, timezone: str, shift: Shift, fate: str, direction: str) -> str:
    change = (
        f"{_EPOCH + timedelta(seconds=shift.at + ahead):%H:%M}" for ahead in (shift.before, shift.after)
    )
    from_to = " to ".join(change)
    return f"{at:%H:%M} {fate} on {at:%Y-%m-%d} in {timezone}: clocks go {direction} from {from_to}."


def _utc(second: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
