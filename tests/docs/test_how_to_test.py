"""The files of docs/how-to/testing.md are a project whose tests pass."""

import os
import subprocess
import sys
from pathlib import Path

from tests.docs.markdown import ROOT, blocks
from tests.support import databases


def test_the_project_of_the_page_passes_its_tests(postgres: databases.Postgres, tmp_path: Path) -> None:
    files = {block.file: block.text for block in blocks(ROOT / "docs" / "how-to" / "testing.md", "python")}
    for name, text in files.items():
        assert name is not None
        (tmp_path / name).write_text(text, "utf-8")
    environment = {**os.environ, "HOURHAND_TEST_DATABASE_URL": postgres.url, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    expected = sum(text.count("\ndef test_") for text in files.values())
    assert f"{expected} passed" in done.stdout, done.stdout + done.stderr
