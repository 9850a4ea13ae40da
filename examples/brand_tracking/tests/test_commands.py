"""The example as one runs it, over the API of a Supabase project; `make example` is in examples/common."""

from examples.brand_tracking import store
from examples.common.database import Connection
from examples.conftest import Python


def test_the_example_runs_over_the_api_of_supabase(supabase_url: str, db: Connection, python: Python) -> None:
    done = python("examples.brand_tracking")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "failed: brand has no active queries: Quiet Roasters" in done.stdout
    assert "Kestrel & Sons        3 of 4       1.7      -0.02" in done.stdout
    assert [each.brand for each in store.standings(db)] == ["Kestrel & Sons", "Fjordkaffe", "Montebruno"]
    names = db.execute("select name, is_active from hourhand.scheduled_jobs order by id").fetchall()
    assert names[0] == ("track Fjordkaffe", True)
    assert len(names) == 4


def test_setup_can_be_repeated(url: str, db: Connection, python: Python) -> None:
    for _ in range(2):
        done = python("examples.brand_tracking.setup")
        assert (done.returncode, done.stdout) == (0, "The tables are there, with 4 brands.\n")
    assert len(store.brands(db)) == 4
