"""Run the file insights example once: python -m examples.file_insights [FILE]...

Uses the configured database, or an embedded one that is started for it; creates the tables, adds a row for
each file (by default those of the example, an Excel file, and tables of vega_datasets where it is installed),
lets a worker do what the rows ask for, and prints what it left. Files that can't be used fail alone; the exit
code is 0 unless something else fails.
"""

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from openpyxl import Workbook

from examples.common.database import connect, reachable_database
from examples.common.show import in_words, print_tally, work
from examples.file_insights import jobs
from examples.file_insights.setup import set_up
from hourhand import Client

FILES = Path(__file__).parent / "files"
ABOUT = {"bakery-sales.csv": "a bakery by the harbour", "interviews.txt": "a bakery by the harbour"}
UNUSABLE = ("torn.json", "moved-away.csv")  # one is damaged, one does not exist


def main(arguments: Sequence[str]) -> int:
    with reachable_database() as url, TemporaryDirectory() as directory:
        return _run(url, [Path(path).absolute() for path in arguments] or _examples(Path(directory)))


def _run(url: str, files: Sequence[Path]) -> int:
    set_up(url)
    with Client() as client:
        newest = max((run.id for run in client.runs.list(limit=1)), default=0)
        with connect(url) as db:
            added = [jobs.add(db, str(file), ABOUT.get(file.name, "")) for file in files]
        one_at_a_time = ("--batch", "1", "--concurrency", "1")
        runs = work(url, client, newest + 1, "--tasks", "examples.file_insights.tasks", *one_at_a_time)
        print_tally(runs)
    with connect(url) as db:
        rows = jobs.overview(db, added)
        for name, status, insights, error in rows:
            print(f"{status:>9}  {name}: {error or f'{insights} insights'}")
        _print_insights(files[0].name, jobs.insights_of(db, added[0]))
    return 0 if all(status == "completed" or name in UNUSABLE for name, status, *_ in rows) else 1


def _examples(directory: Path) -> list[Path]:
    """The files of the example, an Excel file that is made of one of them, and one that does not exist."""
    book = Workbook()
    sheet = book.create_sheet("Sales", 0)
    for line in (FILES / "bakery-sales.csv").read_text("utf-8").splitlines():
        sheet.append(line.split(","))
    book.save(directory / "bakery-sales.xlsx")
    own = sorted(FILES.iterdir())
    return [*own, directory / "bakery-sales.xlsx", FILES / "moved-away.csv", *_real_tables()]


def _real_tables() -> list[Path]:
    # Found, not imported: the package would bring pandas with it.
    found = find_spec("vega_datasets")
    if found is None or found.origin is None:
        return []
    data = Path(found.origin).parent / "_data"
    names = ("us-employment.csv", "seattle-weather.csv", "airports.csv", "stocks.csv", "cars.json")
    return [data / name for name in names]


def _print_insights(name: str, insights: Sequence[tuple[str, dict[str, object], float]]) -> None:
    print(f"\nWhat was found in {name}:" if insights else f"\nNothing was found in {name}.")
    for kind, content, confidence in insights:
        says = content.get("says") or f"{content.get('rows')} rows, {content.get('duplicate_rows')} repeated"
        print(f"  {kind:<8} ({confidence:.2f})  {says}")


if __name__ == "__main__":
    sys.exit(in_words(lambda: main(sys.argv[1:])))
