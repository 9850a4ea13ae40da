"""Puts the admin together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute

from hourhand_admin.web import errors
from hourhand_admin.web.access.identity import Identity
from hourhand_admin.web.access.needs import Needs
from hourhand_admin.web.access.roles import Role
from hourhand_admin.web.access.throttle import Throttle
from hourhand_admin.web.closing import Closing
from hourhand_admin.web.headers import Headers
from hourhand_admin.web.limit import BodyLimit
from hourhand_admin.web.live.hub import Hub
from hourhand_admin.web.look.navigation import modules

if TYPE_CHECKING:
    from hourhand.settings import Settings
    from hourhand.transport import Transport


def create_app(settings: Settings, transport: Transport) -> FastAPI:
    """The ASGI application. It opens nothing and closes nothing: `transport` belongs to the caller.

    The server's root path, or that of a mount, is the path below which a proxy shows it, such as `/jobs`.
    """
    app = FastAPI(
        title="hourhand",
        version=version("hourhand"),
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,  # it would send people to whatever host they asked for
    )
    app.state.settings = settings
    app.state.transport = transport
    app.state.identity = Identity(settings, transport)
    app.state.throttle = Throttle()
    app.state.closing = Closing()
    app.state.live = Hub(transport, app.state.closing)
    for module in modules("hourhand_admin.web.pages"):
        app.include_router(module.router, include_in_schema=False)
    for module in modules("hourhand_admin.web.api"):
        app.include_router(module.router)
    routes(app)  # none without a role
    errors.register(app)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)
    app.add_middleware(BodyLimit)
    app.add_middleware(Headers)
    return app


@dataclass(frozen=True, slots=True)
class Route:
    """One path with its methods, and the least role that may use it."""

    path: str
    methods: frozenset[str]
    role: Role


def routes(app: FastAPI) -> list[Route]:
    """All of them. Raises TypeError for one that declares no role, or several."""
    return [
        Route(str(found.path), frozenset(found.methods or ()), _least_role(found.original_route))
        for found in iter_route_contexts(app.routes)
    ]


def _least_role(route: BaseRoute) -> Role:
    calls = _calls(route.dependant) if isinstance(route, APIRoute) else ()
    roles = [call.role for call in calls if isinstance(call, Needs)]
    if len(roles) != 1:
        raise TypeError(f"{route} has to take exactly one of Public, Anyone, Viewer, Operator, Admin")
    return roles[0]


def _calls(dependant: Dependant) -> Iterator[object]:
    for each in dependant.dependencies:
        yield each.call
        yield from _calls(each)
