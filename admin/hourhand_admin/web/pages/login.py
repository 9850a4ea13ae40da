"""Log in and out."""

from fastapi import APIRouter, Response

from hourhand import log
from hourhand_admin.web.access import passwords
from hourhand_admin.web.access.needs import Anyone
from hourhand_admin.web.access.roles import Role
from hourhand_admin.web.visit import Visit

router = APIRouter()


@router.get("/login")
def login(visit: Anyone, next: str = "") -> Response:  # noqa: A002  (the query's name)
    if visit.who.may(Role.viewer):
        return visit.back(local(next))
    return _page(visit, next)


@router.post("/login")
def log_in(visit: Anyone) -> Response:
    name, password, wanted = visit.field("name"), str(visit.form.get("password", "")), visit.field("next")
    client = visit.request.client
    keys = (f"name {name[:100]}", f"address {client.host if client else ''}")
    throttle = visit.request.app.state.throttle
    if (wait := throttle.wait(*keys)) > 0:
        return _page(visit, wanted, 429, f"Too many failed logins. Try again in {wait:.0f} s.")
    throttle.tried(*keys)
    user = visit.call("find_user", p_name=name)
    if not passwords.is_right(password, user["password_hash"]):
        log.event("admin.login.refused", "WARNING", f"a login as {name[:100]!r} was refused")
        return _page(visit, wanted, 422, "The name or the password is wrong.")
    throttle.succeeded(*keys)
    response = visit.back(local(wanted))
    visit.request.app.state.identity.open_login(name, response, visit.request)
    return response


@router.post("/logout")
def log_out(visit: Anyone) -> Response:
    """Here, or wherever this user is logged in."""
    if visit.field("everywhere") and visit.who.may(Role.viewer) and visit.who.secret:
        visit.act("close_logins", p_name=visit.who.name)
    response = visit.back("/login", "You are logged out.")
    visit.request.app.state.identity.close_login(response, visit.request)
    return response


def local(path: str) -> str:
    """The path when it is one of ours: nobody is sent to another site from here."""
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_ours else "/"


def _page(visit: Visit, wanted: str, status: int = 200, trouble: str = "") -> Response:
    return visit.page("login.html", status, wanted=local(wanted), name=visit.field("name"), trouble=trouble)
