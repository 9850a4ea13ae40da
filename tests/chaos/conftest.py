from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.chaos import Print, Site


@pytest.fixture
def site(database_url: str, tmp_path: Path) -> Iterator[Site]:
    """A database of its own; whichever daemon is still there in the end is killed."""
    with ExitStack() as stack:
        yield Site(database_url, tmp_path, stack)


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Print:
    def tell(line: str) -> None:
        with capsys.disabled():
            print(f"\n{line}")

    return tell
