"""The pages that the navigation names. A page's module says so itself: `NAV = Nav("Runs", "/runs", 30)`."""

import pkgutil
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import ModuleType

from hourhand_admin.web.access.roles import Role


@dataclass(frozen=True, slots=True)
class Nav:
    """`place` orders the entries; `role` is the least that sees it."""

    name: str
    path: str
    place: int
    role: Role = Role.viewer


def modules(package: str) -> list[ModuleType]:
    """The modules of a package, by name: those of pages and of the API are found, not listed."""
    paths = import_module(package).__path__
    return [import_module(f"{package}.{found.name}") for found in pkgutil.iter_modules(paths)]


@cache
def navigation() -> tuple[Nav, ...]:
    found = [module.NAV for module in modules("hourhand_admin.web.pages") if hasattr(module, "NAV")]
    return tuple(sorted(found, key=lambda entry: entry.place))
