"""Whether the admin lives, and whether it reaches the database: for load balancers and supervisors."""

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from hourhand import migrate
from hourhand.errors import HourhandError
from hourhand_admin.web.access.needs import Public

router = APIRouter(tags=["health"])


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz")
def healthz(_: Public) -> dict[str, str]:
    """It lives."""
    return {"status": "ok"}


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz")
def readyz(visit: Public) -> Response:
    """It reaches the database, and the schema is one it can work with; else 503."""
    try:
        migrate.check(visit.transport)
    except HourhandError as error:
        return JSONResponse(
            {"status": "unavailable", "reason": type(error).__name__, "hint": error.hint}, 503
        )
    return JSONResponse({"status": "ok"})
