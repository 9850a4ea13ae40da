"""One HTTP request, by what Python brings along: a daemon that never alerts loads no client for it."""

import http.client
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

TIMEOUT = 10.0
"""Seconds for each step of the conversation."""


def post(address: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Raises OSError when it was not taken: at any status but 2xx. The error names no path or query."""
    parts = urlsplit(address)
    try:
        status = _ask(parts.scheme, parts.netloc, _target(address), body, headers)
    except http.client.HTTPException as error:
        raise OSError(f"{parts.hostname} did not speak HTTP: {type(error).__name__}") from None
    if not 200 <= status < 300:
        raise OSError(f"{parts.hostname} answered {status}")


def _target(address: str) -> str:
    parts = urlsplit(address)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _ask(scheme: str, netloc: str, target: str, body: bytes, headers: Mapping[str, str]) -> int:
    host = netloc.rpartition("@")[2]
    connection = (
        http.client.HTTPSConnection(host, timeout=TIMEOUT, context=ssl.create_default_context())
        if scheme == "https"
        else http.client.HTTPConnection(host, timeout=TIMEOUT)
    )
    try:
        connection.request("POST", target, body, {"user-agent": "hourhand", **headers})
        answer = connection.getresponse()
        answer.read(1000)
        return answer.status
    finally:
        connection.close()
