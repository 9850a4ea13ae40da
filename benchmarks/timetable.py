"""How fast the next firing is found, beside croniter in the same run: `python benchmarks/timetable.py`.

Every question is stateless: a moment at random, and the first firing after it. *Prepared* asks an object that
was made once; *from a row* reads the expression anew each time, as a scheduler does for a row of its table.
croniter answers differently around clock changes: this compares speed, in processor time, and not results.
"""

import argparse
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from croniter import croniter

from hourhand.timetable import Timetable

ZONE = "Europe/Berlin"
GOAL = 20_000

EXPRESSIONS = (
    "* * * * *",
    "*/15 * * * *",
    "0 * * * *",
    "30 2 * * *",
    "0 9 * * mon-fri",
    "*/10 9-17 * * mon-fri",
    "0 0 1 * *",
    "0 0 L * *",
    "0 9 * * mon#1",
    "0 0 1 1 *",
    "0 0 29 2 *",
)


def moments(count: int) -> list[datetime]:
    chance, start, zone = random.Random(1), datetime(2024, 1, 1, tzinfo=UTC), ZoneInfo(ZONE)
    return [(start + timedelta(seconds=chance.randrange(126_000_000))).astimezone(zone) for _ in range(count)]


def rate(ask: Callable[[datetime], object], asked: list[datetime], seconds: float) -> float:
    """Answers per second of processor time, after an unmeasured round that fills the caches."""
    for at in asked:
        ask(at)
    count, started = 0, time.process_time()
    while (spent := time.process_time() - started) < seconds:
        for at in asked:
            ask(at)
        count += len(asked)
    return count / spent


def contestants(cron: str) -> list[Callable[[datetime], object]]:
    row = {"cron": cron, "timezone": ZONE}
    table, iterator = Timetable.of(row), croniter(cron)
    return [
        table.next,
        lambda at: iterator.get_next(datetime, start_time=at),
        lambda at: Timetable.of(row).next(at),
        lambda at: croniter(cron, at).get_next(datetime),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.5, help="for each measurement [0.5]")
    seconds = parser.parse_args().seconds
    asked = moments(200)
    print(f"next firings a second, {ZONE}")
    print(f"{'':24}{'prepared':^32}{'from a row':^32}")
    print(f"{'expression':24}" + f"{'hourhand':>12}{'croniter':>12}{'ratio':>8}" * 2)
    slowest = float("inf")
    for cron in EXPRESSIONS:
        ours, theirs, ours_anew, theirs_anew = (rate(ask, asked, seconds) for ask in contestants(cron))
        slowest = min(slowest, ours)
        print(
            f"{cron:24}{ours:12,.0f}{theirs:12,.0f}{ours / theirs:7,.0f}x"
            f"{ours_anew:12,.0f}{theirs_anew:12,.0f}{ours_anew / theirs_anew:7,.0f}x"
        )
    print(f"slowest prepared: {slowest:,.0f}, goal {GOAL:,}: {'reached' if slowest >= GOAL else 'missed'}")
    print(f"a year of `* * * * *` missed, last 100 and the count of the rest: {downtime() * 1000:.2f} ms")


def downtime() -> float:
    table = Timetable.of({"cron": "* * * * *", "timezone": ZONE})
    until = datetime(2026, 1, 1, tzinfo=UTC)
    started = time.process_time()
    table.last_between(until - timedelta(days=365), until, 100)
    return time.process_time() - started


if __name__ == "__main__":
    main()
