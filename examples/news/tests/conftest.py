"""Feeds for the tests: those of the repository, and real ones from HOURHAND_EXAMPLE_FEEDS."""

import os
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[3]

# So that `examples` and `tests.support` can be imported whichever way pytest was started.
sys.path.insert(0, str(CHECKOUT))


@pytest.fixture(scope="session")
def own_feeds() -> Path:
    return CHECKOUT / "examples" / "news" / "feeds"


@pytest.fixture(scope="session")
def real_feeds() -> Path:
    """Documents as publishers served them; they are not part of the repository."""
    directory = Path(os.environ.get("HOURHAND_EXAMPLE_FEEDS", CHECKOUT.parent / "shared" / "data" / "feeds"))
    if directory.is_dir():
        return directory
    if os.environ.get("CI") == "true":
        pytest.fail(f"no real feeds in {directory}: HOURHAND_EXAMPLE_FEEDS has to name a directory in CI")
    pytest.skip(f"no real feeds in {directory}: set HOURHAND_EXAMPLE_FEEDS to test with some")
