"""The three roles, each of which may do what those before it may."""

from enum import IntEnum
from typing import Any


class Role(IntEnum):
    anyone = 0  # also without a login
    viewer = 1  # reads
    operator = 2  # runs, pauses, retries, edits schedules
    admin = 3  # users, tokens, settings


NAMES = tuple(role.name for role in Role if role > Role.anyone)


def role_of(name: Any) -> Role:
    """The role of this name; `anyone` for whatever is none."""
    return Role[name] if name in NAMES else Role.anyone
