"""Settings of the examples themselves, such as the key of a language model."""

import os
from functools import cache

from dotenv import dotenv_values


def setting(name: str, default: str = "") -> str:
    """From the environment, else from the file `.env`, where hourhand looks for its own; empty is unset."""
    return os.environ.get(name) or _file().get(name) or default


@cache
def _file() -> dict[str, str | None]:
    return dotenv_values(".env")
