"""The README's first screen and the tutorial do what they say."""

import fcntl
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hourhand.embedded import running
from tests.docs.markdown import ROOT
from tests.docs.walk import Walk


@pytest.fixture
def walk(tmp_path: Path) -> Iterator[Walk]:
    walk = Walk(tmp_path)
    # The pages say `hourhand up` without a port: one after the other, whichever test process they are in.
    with (Path(tempfile.gettempdir()) / "hourhand-test-walks.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield walk
        finally:
            walk.stop()


@pytest.mark.slow
def test_the_first_screen_of_the_readme_does_what_it_says(walk: Walk) -> None:
    walk.follow(ROOT / "README.md")


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_tutorial_does_what_it_says_and_leaves_nothing_running(walk: Walk) -> None:
    walk.follow(ROOT / "docs" / "tutorial.md")
    assert running(walk.directory / ".hourhand") is None
