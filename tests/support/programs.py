"""What some tests need from outside."""

import os
import shutil
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """The test is skipped; on CI, where everything has to be there, it fails."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


def program(name: str) -> str:
    """The path of an installed program, without which the test cannot run."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    return found or missing(f"{name} is not installed")
