"""What some tests need from outside."""

import os
import shutil
from typing import NoReturn

import pytest

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def missing(what: str) -> NoReturn:
    """The test is skipped; on CI, where everything has to be there, it fails."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


def program(name: str) -> str:
    """The path of an installed program, without which the test cannot run."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    return found or missing(f"{name} is not installed")


def chromium() -> str:
    """The path of a real browser; launch it with CHROMIUM_FLAGS."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    return found or missing("chromium is not installed (apt-get install chromium)")
