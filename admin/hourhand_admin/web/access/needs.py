"""What a route asks of whoever calls it: the one place where each route says who may use it.

@router.get("/schedules")
def schedules(visit: Viewer) -> Response: ...
"""

from functools import partial
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from hourhand.errors import HourhandError
from hourhand_admin.web.access import forms
from hourhand_admin.web.access.roles import Role
from hourhand_admin.web.access.who import Who
from hourhand_admin.web.visit import Visit

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class LoginNeeded(HTTPException):
    """Nobody is logged in, and this is not for anyone."""

    def __init__(self) -> None:
        super().__init__(
            401, "Log in first, or send a token: Authorization: Bearer …", {"WWW-Authenticate": "Bearer"}
        )


class Needs:
    """A dependency that gives the Visit of somebody who has at least this role.

    With `identify` off it does not look who it is, and so needs no database. With `own` off pages of others
    may ask, too: for addresses that are secret themselves.
    """

    def __init__(self, role: Role, *, identify: bool = True, own: bool = True) -> None:
        self.role = role
        self._identify = identify
        self._own = own

    async def __call__(self, request: Request) -> Visit:
        form = await _form(request)
        visit = Visit(request, await self._who(request), form, partial(self._may_stay, request))
        request.state.visit = visit
        if visit.who.role is Role.anyone and self.role > Role.anyone:
            raise LoginNeeded
        if not visit.who.may(self.role):
            raise HTTPException(403, f"This takes the role {self.role.name}; yours is {visit.who.role.name}.")
        if self._own:
            _require_own(request, visit.who, form)
        return visit

    async def _may_stay(self, request: Request) -> bool:
        """Whether it would be let in once more: a login or token may be over by now."""
        try:
            return (await self._who(request)).may(self.role)
        except HTTPException:
            return False
        except HourhandError:  # nobody can say, and nothing can be read now
            return True

    async def _who(self, request: Request) -> Who:
        if not self._identify:
            return Who.visitor("")
        who: Who = await run_in_threadpool(request.app.state.identity.who, request)
        return who


async def _form(request: Request) -> FormData:
    """What was sent as a form; empty for anything else."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return await request.form(max_files=0) if kind in _FORMS else FormData()


def _require_own(request: Request, who: Who, form: FormData) -> None:
    if request.method in forms.SAFE or who.secret is None:
        return
    given = request.headers.get(forms.HEADER) or form.get(forms.FIELD)
    forms.require_own(request, who.secret, given if isinstance(given, str) else "")


Public = Annotated[Visit, Depends(Needs(Role.anyone, identify=False))]
Caller = Annotated[Visit, Depends(Needs(Role.anyone, identify=False, own=False))]
Anyone = Annotated[Visit, Depends(Needs(Role.anyone))]
Viewer = Annotated[Visit, Depends(Needs(Role.viewer))]
Operator = Annotated[Visit, Depends(Needs(Role.operator))]
Admin = Annotated[Visit, Depends(Needs(Role.admin))]
