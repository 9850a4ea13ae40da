"""Answers over HTTP that are none, told once in hourhand's words.

PostgREST passes on the SQLSTATE of the database, and has codes (PGRST…) for what went wrong before. A gateway
has only a status. Each of them is given the SQLSTATE that it stands for (see `sqlstates`).
"""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from hourhand.errors import BadInput, TransportError, Unavailable
from hourhand.transport import sqlstates
from hourhand.transport.project import WHERE_KEYS_ARE
from hourhand.transport.sqlstates import (
    CANNOT_CONNECT,
    CONNECTION_LOST,
    STARTING,
    STRANGE_ANSWER,
    TOO_MANY,
    is_ours,
    kind_of,
)

NO_ACCESS = "28000"

ADDRESS = "Check SUPABASE_URL (https://PROJECT.supabase.co, not the dashboard's) and SUPABASE_REST_PATH."
PAUSED = "Restore the project in the Supabase dashboard: it is paused."
TROUBLE = (
    "Supabase or something before it is in trouble, or the project is paused: look at the project in the"
    " dashboard, and at status.supabase.com."
)
EXPIRED = f"The key has expired. {WHERE_KEYS_ARE}"
NOT_A_KEY = f"This is no key of this project. {WHERE_KEYS_ARE}"
EXPOSE = (
    "Add hourhand to the exposed schemas in the project's settings (Data API; PGRST_DB_SCHEMAS of a PostgREST"
    " of your own)."
)
STALE = (
    "Run `hourhand migrate`. If it finds nothing to do, PostgREST has not read the schema anew: run"
    " `notify pgrst, 'reload schema'` in the SQL editor."
)
UNKNOWN_HOST = (
    "Check SUPABASE_URL and the network of this machine. A project that was paused for long or deleted has no"
    " address any more: look in the dashboard."
)
UNREACHABLE = "Check SUPABASE_URL and the network of this machine."

HINTS = sqlstates.HINTS | {
    "42501": "Is it the key of service_role? If so, run `hourhand migrate`, which grants it what it needs. "
    + WHERE_KEYS_ARE,
    "42883": STALE,
    "53300": "The project has too many requests or connections: use longer polls or fewer workers.",
    "57014": "The project's statement_timeout (8 seconds unless changed) cut it off: ask for less at once.",
}


@dataclass(frozen=True)
class Meaning:
    """The SQLSTATE that something stands for, and what to try."""

    sqlstate: str | None
    hint: str | None = None


# Codes of PostgREST and beginnings of codes; the longest wins.
CODES = {
    "PGRST0": Meaning(CONNECTION_LOST, TROUBLE),
    "PGRST000": Meaning(CANNOT_CONNECT, TROUBLE),
    "PGRST002": Meaning(STARTING, TROUBLE),
    "PGRST003": Meaning(TOO_MANY, HINTS["53300"]),
    "PGRST102": Meaning("22P02"),
    "PGRST106": Meaning("3F000", EXPOSE),
    "PGRST125": Meaning(None, ADDRESS),
    "PGRST202": Meaning("42883", STALE),
    "PGRST203": Meaning("42725", STALE),
    "PGRST3": Meaning(NO_ACCESS, NOT_A_KEY),
}

STATUSES = {
    401: Meaning(NO_ACCESS, NOT_A_KEY),
    403: Meaning(NO_ACCESS, NOT_A_KEY),
    404: Meaning(None, ADDRESS),
    408: Meaning(CONNECTION_LOST, TROUBLE),
    413: Meaning("54000", "Send less at once."),
    429: Meaning(TOO_MANY, HINTS["53300"]),
    # Supabase's own.
    540: Meaning(None, PAUSED),
}


def is_answer(response: httpx.Response) -> bool:
    """Whether a function has answered; reads the body. Gateways serve pages with 200 as well."""
    return response.is_success and _holds_json(response) and response.read()[:1] != b"<"


def refused(response: httpx.Response, where: str) -> TransportError:
    """The error of a response that is no answer."""
    doing = response.request.url.path.rpartition("/")[2]
    told = _told(response)
    meaning = _meaning(response, told)
    kind = kind_of(meaning.sqlstate) if meaning.sqlstate else Unavailable
    text, hint = _text(response, told, meaning), meaning.hint or told.get("hint")
    if meaning.sqlstate is None or not is_ours(meaning.sqlstate):
        text = f"{doing}: {text}" if kind is BadInput else f"{where}: {doing}: {text}"
    return kind(
        text,
        hint,
        sqlstate=meaning.sqlstate,
        http_status=response.status_code,
        retry_after=_retry_after(response, told),
    )


def broken(error: httpx.HTTPError, where: str, doing: str) -> TransportError:
    """The error of a request that got no response."""
    unknown_host = any(isinstance(cause, socket.gaierror) for cause in _causes(error))
    connecting = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.UnsupportedProtocol)
    if connecting or unknown_host:
        hint = UNKNOWN_HOST if unknown_host else UNREACHABLE
        return Unavailable(f"{where}: {_words(error)}", hint, sqlstate=CANNOT_CONNECT)
    sqlstate = STRANGE_ANSWER if isinstance(error, httpx.DecodingError) else CONNECTION_LOST
    return Unavailable(f"{where}: {doing}: {_words(error)}", TROUBLE, sqlstate=sqlstate)


def _meaning(response: httpx.Response, told: Mapping[str, Any]) -> Meaning:
    code, status = str(told.get("code") or ""), response.status_code
    if code.startswith("PGRST"):
        return _meaning_of_code(code, str(told.get("message")))
    if len(code) == 5 and code.isalnum():
        return Meaning(code, HINTS.get(code))
    if response.is_success:
        return Meaning(STRANGE_ANSWER, f"Something else answers there. {ADDRESS}")
    if status < 400:
        return Meaning(None, f"It points to {response.headers.get('location') or 'nowhere'}. {ADDRESS}")
    if status in STATUSES:
        return STATUSES[status]
    return Meaning(CONNECTION_LOST, TROUBLE) if status >= 500 else Meaning("22023")


def _meaning_of_code(code: str, message: str) -> Meaning:
    if code in ("PGRST301", "PGRST303") and "expired" in message:
        return Meaning(NO_ACCESS, EXPIRED)
    found = (CODES[code[:length]] for length in range(len(code), 5, -1) if code[:length] in CODES)
    return next(found, Meaning("XX000"))


def _text(response: httpx.Response, told: Mapping[str, Any], meaning: Meaning) -> str:
    message = told.get("message") or told.get("error") or told.get("msg")
    if not message:
        kind = "an HTML page" if _holds_html(response) else "no JSON"
        return f"it answered {response.status_code} with {kind}"
    text = str(message)
    # As over a direct connection: what is wrong with a value stands in the detail.
    if told.get("details") and (meaning.sqlstate or "").startswith("22"):
        text = f"{text} ({told['details']})"
    return text if told.get("code") else f"{text} (status {response.status_code})"


def _told(response: httpx.Response) -> Mapping[str, Any]:
    """What the body says, when it is an object in JSON."""
    response.read()
    try:
        told = response.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _holds_json(response: httpx.Response) -> bool:
    return "json" in response.headers.get("content-type", "")


def _holds_html(response: httpx.Response) -> bool:
    return "html" in response.headers.get("content-type", "") or response.content[:1] == b"<"


def _retry_after(response: httpx.Response, told: Mapping[str, Any]) -> float | None:
    """The seconds that the other side asks to wait."""
    value = response.headers.get("retry-after")
    # What PostgREST says is how long it pauses itself, up to half a minute; Postgres may be back before.
    if value is None or str(told.get("code")).startswith("PGRST0"):
        return None
    return max(float(value), 0.0) if value.strip().isdecimal() else _seconds_until(value)


def _seconds_until(date: str) -> float | None:
    try:
        at = parsedate_to_datetime(date)
    except ValueError:
        return None
    return max((at.astimezone(UTC) - datetime.now(UTC)).total_seconds(), 0.0)


def _causes(error: BaseException | None) -> list[BaseException]:
    causes = []
    while error is not None:
        causes.append(error)
        error = error.__cause__ or error.__context__
    return causes


def _words(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    return str(error) or type(error).__name__
