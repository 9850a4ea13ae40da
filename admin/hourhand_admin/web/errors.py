"""Errors as people see them (a page) and as programs do (`application/problem+json`)."""

from contextlib import suppress
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from hourhand import errors, log
from hourhand.errors import HourhandError
from hourhand_admin.web.access import forms
from hourhand_admin.web.access.forms import OutOfDate
from hourhand_admin.web.access.identity import VISITOR_COOKIE
from hourhand_admin.web.access.needs import LoginNeeded
from hourhand_admin.web.access.who import Who
from hourhand_admin.web.visit import Visit, wants_page

STATUS_OF: tuple[tuple[type[HourhandError], int], ...] = (
    (errors.NotFound, 404),
    (errors.UnknownTask, 404),
    (errors.Conflict, 409),
    (errors.BadInput, 422),
    (errors.BadPayload, 422),
    (errors.BadSchedule, 422),
    (errors.BadScheduleFile, 422),
    (errors.TransportError, 503),
)
_RETRY_AFTER = "5"  # seconds
_HEADINGS = {
    403: "Not allowed",
    409: "Not possible now",
    422: "Not understood",
    500: "Trouble",
    503: "Trouble",
}
"""In words that people use."""


def register(app: FastAPI) -> None:
    app.add_exception_handler(LoginNeeded, _login_needed)
    app.add_exception_handler(OutOfDate, _out_of_date)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(HourhandError, _failed)
    app.add_exception_handler(Exception, _broken)


def problem(
    request: Request,
    status: int,
    detail: str,
    hint: str | None = None,
    *,
    headers: dict[str, str] | None = None,
    **more: Any,
) -> Response:
    """A page for a browser, problem+json for everybody else."""
    title = HTTPStatus(status).phrase
    if wants_page(request):
        title = _HEADINGS.get(status, title)
        visit: Visit = getattr(request.state, "visit", None) or _visitor(request)
        answer: Response = visit.page("error.html", status, title=title, detail=detail, hint=hint)
    else:
        body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
        body |= {"hint": hint} if hint else {}
        answer = JSONResponse(body, status, media_type="application/problem+json")
    answer.headers.update(headers or {})
    return answer


def _visitor(request: Request) -> Visit:
    return Visit(request, Who.visitor(request.cookies.get(VISITOR_COOKIE, "")), FormData())


async def _login_needed(request: Request, error: Exception) -> Response:
    if not wants_page(request):
        return await _refused(request, error)
    if _is_worth_keeping(request):
        return _once_more(request, 401)
    visit = _visitor(request)
    query = f"?{request.url.query}" if request.url.query else ""
    wanted = visit.path + query if request.method == "GET" and visit.path != "/" else None
    return visit.back("/login", next=wanted)


async def _out_of_date(request: Request, error: Exception) -> Response:
    return _once_more(request, 403) if _is_worth_keeping(request) else await _refused(request, error)


def _is_worth_keeping(request: Request) -> bool:
    """A form that somebody has filled in while the login ended. What has a password is not shown again."""
    form = request.state.visit.form
    return bool(form) and "password" not in form and wants_page(request) and forms.is_own_origin(request)


def _once_more(request: Request, status: int) -> Response:
    """The form as it was sent, to be sent once more when somebody is logged in (again)."""
    visit: Visit = request.state.visit
    kept = [(name, text) for name, text in visit.form.multi_items() if name != forms.FIELD]
    return visit.page("once_more.html", status, kept=kept, over=status == 401)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail, hint = str(error.detail), None
    if (
        error.status_code == 404 and detail == HTTPStatus.NOT_FOUND.phrase
    ):  # no route has been asked who this is
        detail = f"There is nothing at {request.url.path}."
        hint = "Try it without the slash at its end." if detail.endswith("/.") else None
        await _identify(request)
    return problem(request, error.status_code, detail, hint, headers=dict(error.headers or {}))


async def _identify(request: Request) -> None:
    """Lets the error page know who sees it, if that is to be known."""
    with suppress(HTTPException, HourhandError):
        who = await run_in_threadpool(request.app.state.identity.who, request)
        request.state.visit = Visit(request, who, FormData())


async def _not_understood(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = [
        {"where": ".".join(str(part) for part in each["loc"]), "what": str(each["msg"])}
        for each in error.errors()[:20]
    ]
    detail = "; ".join(f"{each['where']}: {each['what']}" for each in found)
    return problem(request, 422, detail, errors=found)


async def _failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, HourhandError)
    status = next((status for kind, status in STATUS_OF if isinstance(error, kind)), 500)
    if status < 500:
        return problem(request, status, error.message, error.hint)
    log.event("admin.failed", "WARNING", f"{request.url.path}: {error}", error=error)
    # What went wrong inside, such as where the database is, is for the log.
    detail = "The database did not answer." if status == 503 else "This did not work."
    return problem(request, status, detail, error.hint, headers={"Retry-After": _RETRY_AFTER})


async def _broken(request: Request, error: Exception) -> Response:
    log.event("admin.failed", "ERROR", f"{request.method} {request.url.path}: {error!r}", error=error)
    return problem(request, 500, "This did not work. The log of the admin says why.")
