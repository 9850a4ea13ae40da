"""Timetables in plain English, from what they mean and not from how they were written."""

from collections.abc import Callable, Sequence

from hourhand.timetable.days import LAST, Days
from hourhand.timetable.fields import DAY, HOUR, MINUTE, MONTH, SECOND, WEEKDAY, Field
from hourhand.timetable.parse import Expression, parse

_MONTHS = (
    "",
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_ORDINALS = {LAST: "last", 1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth"}
_MOST_LISTED = 6


def describe(cron: str, name: str | None = None) -> str:
    """What `cron` says, such as "At 09:00, on Monday to Friday".

    `name` is the schedule's, for H. Raises BadSchedule.
    """
    text = "; and ".join(_expression(expression) for expression in parse(cron, name))
    return text[:1].upper() + text[1:]


def _expression(expression: Expression) -> str:
    times, days = _times(expression), _days(expression.days)
    if days:
        return f"{times}, {days}"
    return f"{times} every day" if expression.times.count <= _MOST_LISTED else times


# --- Times ---


def _times(expression: Expression) -> str:
    times = expression.times
    if times.count <= _MOST_LISTED:
        return f"at {_joined([_clock(times.at(rank)) for rank in range(times.count)])}"
    if expression.seconds == (0,):
        return _minutes(expression.minutes, expression.hours)
    if expression.minutes == _all(MINUTE):
        return _beat(SECOND, expression.seconds, " of every minute") + _during(expression.hours)
    minutes = f"minute{_s(expression.minutes)} {_listed(expression.minutes)}"
    return f"{_beat(SECOND, expression.seconds)} in {minutes}{_of(expression.hours)}"


def _minutes(minutes: Sequence[int], hours: Sequence[int]) -> str:
    if len(minutes) > 1:
        return _beat(MINUTE, minutes, _of(hours), _during(hours))
    first, last = (_clock(hour * 3600 + minutes[0] * 60) for hour in (hours[0], hours[-1]))
    step = _step(HOUR, hours)
    if step is None and _in_a_row(hours):
        return f"every hour from {first} to {last}"
    if step is None:
        return f"at minute {minutes[0]}{_of(hours)}"
    rhythm = "every hour" if step == 1 else f"every {step} hours"
    return rhythm if first == "00:00" else f"{rhythm} from {first}"


def _beat(field: Field, values: Sequence[int], of: str = "", during: str = "") -> str:
    """Every 10 seconds (during …), or at minutes 0, 7 and 14 (of …)."""
    step = _step(field, values)
    if step is None:
        return f"at {field.name}{_s(values)} {_listed(values)}{of}"
    rhythm = f"every {field.name}" if step == 1 else f"every {step} {field.name}s"
    return (f"{rhythm} from {field.name} {values[0]}" if values[0] else rhythm) + during


def _of(hours: Sequence[int]) -> str:
    if _in_a_row(hours):
        return f" of every hour{_during(hours)}"
    return f" of the hours {_listed(hours)}"


def _during(hours: Sequence[int]) -> str:
    if hours == _all(HOUR):
        return ""
    if _in_a_row(hours):
        return f" from {hours[0]:02}:00 to {hours[-1]:02}:59"
    return f" in the hours {_listed(hours)}"


def _in_a_row(values: Sequence[int]) -> bool:
    return values[-1] - values[0] == len(values) - 1


def _step(field: Field, values: Sequence[int]) -> int | None:
    """The distance of values that are evenly spread over the whole field."""
    step = field.size // len(values)
    even = len(values) > 1 and values == tuple(range(values[0], field.size, step)) and field.size % step == 0
    return step if even and values[0] < step else None


def _clock(second: int) -> str:
    minute, second = divmod(second, 60)
    return f"{minute // 60:02}:{minute % 60:02}" + (f":{second:02}" if second else "")


# --- Days ---


def _days(days: Days) -> str:
    months = _of_bits(days.months, MONTH)
    within = "" if months == _all(MONTH) else _listed(months, _MONTHS.__getitem__)
    of_month = f" of {within or 'the month'}"
    numbers, weekdays = _numbers(days), _weekdays(days)
    if days.nth:
        weekdays += of_month
    elif weekdays and within and (days.either or not numbers):
        weekdays += f" in {within}"
    if days.either:
        return f"on {numbers}{of_month} or on {weekdays}" if numbers and weekdays else _every_day(within)
    if numbers:
        return f"on {numbers}{of_month}" + (
            f" if it is {weekdays.replace(' and ', ' or ')}" if weekdays else ""
        )
    return f"on {weekdays}" if weekdays else _every_day(within)


def _every_day(within: str) -> str:
    return f"every day in {within}" if within else ""


def _numbers(days: Days) -> str:
    """The days of the month; empty when all."""
    numbers = _of_bits(days.numbers, DAY)
    if numbers == _all(DAY):
        return ""
    parts = [f"day{_s(numbers)} {_listed(numbers)}"] if numbers else []
    parts += ["the last day"] if days.last else []
    parts += [
        "the last weekday" if day == DAY.high else f"the weekday nearest day {day}" for day in days.nearest
    ]
    return _joined(parts)


def _weekdays(days: Days) -> str:
    """The days of the week; empty when all."""
    if days.nth:
        return _joined([f"the {_ORDINALS[n]} {_WEEKDAYS[weekday]}" for weekday, n in days.nth])
    weekdays = _of_bits(days.weekdays, WEEKDAY)
    return "" if weekdays == _all(WEEKDAY) else _listed(weekdays, _WEEKDAYS.__getitem__)


# --- Words ---


def _all(field: Field) -> tuple[int, ...]:
    return tuple(range(field.low, field.high + 1))


def _of_bits(bits: int, field: Field) -> tuple[int, ...]:
    return tuple(value for value in _all(field) if bits >> value & 1)


def _s(values: Sequence[int]) -> str:
    return "s" if len(values) > 1 else ""


def _listed(values: Sequence[int], word: Callable[[int], str] = str) -> str:
    """Three or more values in a row become a range: 1 to 5, 9 and 12."""
    parts, runs = [], _runs(values)
    for first, last in runs:
        if last - first >= 2:
            parts.append(f"{word(first)} to {word(last)}")
        else:
            parts += [word(value) for value in range(first, last + 1)]
    return _joined(parts)


def _runs(values: Sequence[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for value in values:
        if runs and value == runs[-1][1] + 1:
            runs[-1] = runs[-1][0], value
        else:
            runs.append((value, value))
    return runs


def _joined(parts: Sequence[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
