"""The example as one runs it, over the API of a Supabase project; `make example` is in examples/common."""

from examples.common.database import Connection
from examples.conftest import Python
from examples.stories import store


def test_the_example_runs_over_the_api_of_supabase(supabase_url: str, db: Connection, python: Python) -> None:
    done = python("examples.stories", HOURHAND_EXAMPLE_FEEDS="")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "lost.txt: this worker sees no such file" in done.stdout
    assert "# Brief of the day" in done.stdout
    totals = store.totals(db)
    assert (totals["ready"], totals["briefs"]) == (totals["stories"], 1)
    assert totals["stories"] >= 3


def test_setup_adds_feeds(url: str, db: Connection, python: Python) -> None:
    done = python(
        "examples.stories.setup", "rss:Own=examples/news/feeds", "youtube:Web=https://a.example/?a=b"
    )
    assert (done.returncode, done.stdout) == (0, "The tables are there; 2 feeds added.\n")
    assert len(store.enabled_feeds(db, "rss")) == 11
    assert [feed.url for feed in store.enabled_feeds(db, "youtube")] == ["https://a.example/?a=b"]
    assert python("examples.stories.setup", "feed").returncode == 2
