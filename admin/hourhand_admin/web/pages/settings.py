"""The settings: tokens of the REST API, who may log in, and what the doctor finds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Response

from hourhand.durations import parse_duration
from hourhand.errors import BadInput
from hourhand_admin.diagnosis import diagnose
from hourhand_admin.web.access.needs import Admin
from hourhand_admin.web.access.roles import NAMES, Role
from hourhand_admin.web.access.tokens import hash_token, new_token
from hourhand_admin.web.look.navigation import Nav
from hourhand_admin.web.scheduling.desk import Desk
from hourhand_admin.web.visit import Visit

NAV = Nav("Settings", "/settings", 90, Role.admin)
router = APIRouter()

_LONGEST_LIFE = timedelta(days=36_500)


@router.get("/settings")
def settings(visit: Admin) -> Response:
    return _page(visit)


@router.post("/settings/tokens")
def create_token(visit: Admin) -> Response:
    """The one answer that shows the token; it is not sent on, so that no address and no cookie has it."""
    name, role, lifetime = visit.field("name"), visit.field("role") or "viewer", _lifetime(visit)
    if not name:
        raise BadInput("name: a token needs one")
    if role not in NAMES:
        raise BadInput(f"role: one of {', '.join(NAMES)} is wanted")
    token = new_token()
    made = visit.act(
        "create_api_token", p_name=name, p_role=role, p_token_hash=hash_token(token), p_lifetime=lifetime
    )
    answer = _page(visit, made={**made, "token": token})
    answer.headers["cache-control"] = "no-store"
    return answer


@router.post("/settings/tokens/revoke")
def revoke_token(visit: Admin) -> Response:
    name = visit.field("name")
    visit.act("revoke_api_token", p_name=name)
    return visit.back("/settings", f"Token {name} is revoked: it is refused from now on.")


def _page(visit: Visit, made: dict[str, Any] | None = None) -> Response:
    tokens, users = visit.call("list_api_tokens"), visit.call("list_users")
    found = diagnose(Desk(visit))
    roles = [(name, name) for name in NAMES]
    return visit.page(
        "settings.html",
        **tokens,
        users=users["users"],
        found=found,
        roles=roles,
        made=made,
        section="/settings",
    )


def _lifetime(visit: Visit) -> float | None:
    """In seconds; None: it never expires. Raises BadInput."""
    if not (text := visit.field("expires")):
        return None
    try:
        lifetime = parse_duration(text)
    except (ValueError, OverflowError) as error:
        raise BadInput(f"expires: {error}") from None
    if not timedelta() < lifetime <= _LONGEST_LIFE:
        raise BadInput("expires: a time from now is wanted, of 100 years at most")
    return lifetime.total_seconds()
