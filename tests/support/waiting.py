"""Waiting on facts."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(condition: Callable[[], T], timeout: float = 10.0, *, interval: float = 0.01) -> T:
    """The first true value of `condition()`. An AssertionError in it counts as not yet.

    Fails after `timeout` seconds, with the last value or the last AssertionError.
    """
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while True:
        value: object
        try:
            if value := condition():
                return value
        except AssertionError as error:
            value = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s; last: {value!r}")
        pause.wait(interval)
