"""Helpers for tests: `from tests.support import eventually`."""

from tests.support.waiting import eventually

__all__ = ["eventually"]
