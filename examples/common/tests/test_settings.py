from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.common import settings
from examples.common.settings import setting


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    settings._file.cache_clear()
    yield tmp_path / ".env"
    settings._file.cache_clear()


def test_the_environment_comes_first_then_the_file_then_the_default(
    env_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env_file.write_text('A_KEY="from the file" # a comment\nAN_EMPTY_KEY=\n')
    assert setting("A_KEY") == "from the file"
    assert setting("AN_EMPTY_KEY", "default") == "default"
    monkeypatch.setenv("A_KEY", "")
    assert setting("A_KEY") == "from the file"
    monkeypatch.setenv("A_KEY", "from outside")
    assert setting("A_KEY") == "from outside"


def test_there_need_be_no_file(env_file: Path) -> None:
    assert setting("A_KEY") == ""
