"""`make example NAME=…` as one types it who has nothing but the checkout: no settings, no database."""

import os
import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.docs.markdown import blocks

EXAMPLES = Path(__file__).parents[2]
CHECKOUT = EXAMPLES.parent
OWN_FEEDS = EXAMPLES / "news" / "feeds"
LONGEST, LARGEST = 60, 500  # seconds, MiB
JOBS = ("ingest-rss", "ingest-feed", "clean-news", "embed-news", "analyze-news", "recompute-profile-insights")
FIRST = 8  # items of the three feeds that `make jobs-tick` begins with

pytestmark = [pytest.mark.slow, pytest.mark.timeout(100)]


@dataclass(frozen=True)
class Made:
    code: int
    output: str
    seconds: float
    cpu_seconds: float  # which do not grow when others use the machine
    mebibytes: float  # of the largest process

    def __contains__(self, line: str) -> bool:
        return re.search(line, self.output, re.MULTILINE) is not None


Make = Callable[..., Made]


@pytest.fixture(scope="session")
def feeds() -> Path:
    """Real ones where there are some; they are not part of the repository."""
    real = os.environ.get("HOURHAND_EXAMPLE_FEEDS", CHECKOUT.parent / "shared" / "data" / "feeds")
    return Path(real) if Path(real).is_dir() else OWN_FEEDS


@pytest.fixture
def make(tmp_path: Path, feeds: Path) -> Make:
    """Each time in the same directory of data, which is a new one for the test."""
    settings = re.compile("HOURHAND_|SUPABASE_|DATABASE_|POSTGRES_URL|OPENAI_|GEMINI_|JOB_|MAKE")
    own = {"HOURHAND_DATA_DIR": str(tmp_path / "data"), "HOURHAND_EXAMPLE_FEEDS": str(feeds)}
    kept = {name: value for name, value in os.environ.items() if not settings.match(name)}

    def make(*goal: str) -> Made:
        command = ["make", "--no-print-directory", "--directory", str(CHECKOUT), *goal]
        environment = {**kept, **own, "NO_PROXY": "127.0.0.1", "UV_NO_SYNC": "1"}
        with (tmp_path / "output").open("w+") as output:
            started = time.monotonic()
            process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        told = (tmp_path / "output").read_text("utf-8")
        took, cpu = time.monotonic() - started, usage.ru_utime + usage.ru_stime
        return Made(process.returncode, told, took, cpu, usage.ru_maxrss / 1024)

    return make


def unsaid(name: str, output: str) -> list[str]:
    """Lines of output that the README of an example shows and that were not said; numbers may differ."""
    texts = blocks(EXAMPLES / name / "README.md", "text")
    # A story is called like the source of it that came first, which is a race.
    lines = [
        line
        for block in texts
        for line in block.text.splitlines()
        if line != "..." and not line.startswith("## ")
    ]
    assert len(lines) > 5
    return [line for line in lines if not re.search(f"^{_pattern(line)}$", output, re.MULTILINE)]


def _pattern(line: str) -> str:
    return re.sub(r"\d+", r"\\d+", re.escape(line).replace(re.escape("..."), ".*"))


def test_news(make: Make, feeds: Path, record_property: Callable[[str, object], None]) -> None:
    tick = make("jobs-tick")
    assert tick.code == 0, tick.output
    assert "^🚀 BACKGROUND JOB RUNNER" in tick
    assert r"^Successful jobs: (\d+)/\1$" in tick
    assert [job for job in JOBS if rf"^  ✅ {job}: \d+ms" not in tick] == []

    made = make("example", "NAME=news")
    assert made.code == 0, made.output
    items = (42 if feeds == OWN_FEEDS else 297) + FIRST
    assert f"^{items} items, {items} cleaned, {items} embedded, {items} analysed" in made
    assert "^   failed  ingest-feed moved-away.xml: .* this is a web page, not a feed" in made
    assert "2026-12-20 00:35 UTC  Festival de verão: 13 mil pessoas" in made
    assert "demo@news.example  .*The closest: Night ferry returns after eleven years" in made
    assert made.cpu_seconds <= LONGEST
    assert made.mebibytes <= LARGEST
    assert unsaid("news", tick.output + made.output) == []
    took = f"{made.seconds:.1f} s ({made.cpu_seconds:.1f} s of CPU)"
    told = f"{items} items in {took}, at most {made.mebibytes:.0f} MiB in a process"
    record_property("fault", f"the news example, embeddings included: {told}")


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        (
            "file_insights",
            (
                "completed  bakery-sales.xlsx: 4 insights",
                "completed  seattle-weather.csv: [0-9]+ insights",
                "   failed  torn.json: torn.json is damaged: ",
                "   failed  moved-away.csv: file not found: ",
            ),
        ),
        (
            "company_watch",
            (
                "  scrape-company             4 completed, 4 failed",
                "robots.txt asks programs not to read ",
                "  ada@watch.example      2  .best 1.00.",
            ),
        ),
        (
            "stories",
            ("lost.txt: this worker sees no such file", "^# Brief of the day", "^Rows in schema stories: "),
        ),
        (
            "brand_tracking",
            (
                "failed: brand has no active queries: Quiet Roasters",
                "^Kestrel & Sons        3 of 4       1.7      -0.02",
            ),
        ),
    ],
)
def test_the_others(make: Make, name: str, lines: tuple[str, ...]) -> None:
    made = make("example", f"NAME={name}")
    assert made.code == 0, made.output
    assert [line for line in lines if line not in made] == []
    assert unsaid(name, made.output) == []
    assert made.mebibytes <= LARGEST
