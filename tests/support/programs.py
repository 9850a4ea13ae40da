"""Programs from outside that some tests need."""

import os
import shutil

import pytest


def program(name: str) -> str:
    """The path of an installed program. Without it the test is skipped, and on CI it fails."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is not None:
        return found
    if os.environ.get("CI") == "true":
        pytest.fail(f"{name} is not installed")
    pytest.skip(f"{name} is not installed")
