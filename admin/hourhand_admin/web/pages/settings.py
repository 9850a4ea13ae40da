"""The settings: tokens of the REST API, who may log in, and what the doctor finds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Response

from hourhand.durations import parse_duration
from hourhand.errors import BadInput, Conflict
from hourhand_admin.diagnosis import diagnose
from hourhand_admin.web.access.needs import Admin
from hourhand_admin.web.access.passwords import hash_password
from hourhand_admin.web.access.roles import NAMES, Role
from hourhand_admin.web.access.tokens import hash_token, new_token
from hourhand_admin.web.desk import Desk
from hourhand_admin.web.look.navigation import Nav
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
    token = new_token()
    try:
        made = visit.act(
            "create_api_token",
            p_name=_name(visit),
            p_role=_role(visit) or "viewer",
            p_token_hash=hash_token(token),
            p_lifetime=visit.read("expires", _lifetime),
        )
    except (BadInput, Conflict) as error:
        return _page(visit.refused("token", error))
    answer = _page(visit, made={**made, "token": token})
    answer.headers["cache-control"] = "no-store"
    return answer


@router.post("/settings/tokens/revoke")
def revoke_token(visit: Admin) -> Response:
    name = visit.field("name")
    visit.act("revoke_api_token", p_name=name)
    return visit.back("/settings", f"Token {name} is revoked: it is refused from now on.")


@router.post("/settings/users")
def add_user(visit: Admin) -> Response:
    try:
        name, role = _new_name(visit), _role(visit) or "viewer"
        visit.act("put_user", p_name=name, p_role=role, p_password_hash=hash_password(_password(visit)))
    except (BadInput, Conflict) as error:
        return _page(visit.refused("user", error))
    return visit.back("/settings", f"User {name} may log in as {role}.")


@router.post("/settings/users/change")
def change_user(visit: Admin) -> Response:
    """Another role, or another password; an empty field leaves it as it is."""
    name, password = _name(visit), _password(visit)
    try:
        hashed = hash_password(password) if password else None
        changed = visit.act("put_user", p_name=name, p_role=_role(visit), p_password_hash=hashed)
    except BadInput as error:
        return _page(visit.refused(f"change {name}", error))
    return visit.back(
        "/settings", f"User {name} is {changed['role']}, and has to log in again if that is new."
    )


@router.post("/settings/users/lock")
def lock_user(visit: Admin) -> Response:
    name, locked = _name(visit), visit.field("locked") != "no"
    visit.act("lock_user", p_name=name, p_locked=locked)
    return visit.back("/settings", f"User {name} {'is locked out' if locked else 'may log in again'}.")


@router.post("/settings/users/delete")
def delete_user(visit: Admin) -> Response:
    name = _name(visit)
    visit.act("delete_user", p_name=name)
    return visit.back("/settings", f"User {name} is deleted.")


def _name(visit: Visit) -> str:
    if not (name := visit.field("name")):
        raise BadInput("name: one is needed")
    return name


def _new_name(visit: Visit) -> str:
    name = _name(visit)
    if visit.call("find_user", p_name=name)["role"] is not None:
        raise Conflict(f"name: there is a user {name!r} already", "Change that user, or choose another name.")
    return name


def _role(visit: Visit) -> str | None:
    role = visit.field("role") or None
    if role is not None and role not in NAMES:
        raise BadInput(f"role: one of {', '.join(NAMES)} is wanted")
    return role


def _password(visit: Visit) -> str:
    """As it was typed, with the blanks around it."""
    password = visit.form.get("password", "")
    if not isinstance(password, str):
        raise BadInput("password: a text is wanted, not a file")
    return password


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


def _lifetime(text: str) -> float:
    """In seconds. Raises ValueError."""
    lifetime = parse_duration(text)
    if not timedelta() < lifetime <= _LONGEST_LIFE:
        raise ValueError("a time from now is wanted, of 100 years at most")
    return lifetime.total_seconds()
