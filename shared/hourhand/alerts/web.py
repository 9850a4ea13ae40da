"""One HTTP request, by what Python brings along: a daemon that never alerts loads no client for it."""

import http.client
import socket
import ssl
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from threading import Timer
from urllib.parse import unquote, urlsplit

TIMEOUT = 10.0
"""Seconds for each step of the conversation."""

LONGEST = 30.0
"""Seconds for all of it: a server may take its time with every byte."""


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
    login, _, host = netloc.rpartition("@")
    connection = (
        http.client.HTTPSConnection(host, timeout=TIMEOUT, context=ssl.create_default_context())
        if scheme == "https"
        else http.client.HTTPConnection(host, timeout=TIMEOUT)
    )
    end = Timer(LONGEST, _hang_up, [connection])
    end.daemon = True
    end.start()
    try:
        connection.request(
            "POST", target, body, {"user-agent": "hourhand", **_authorization(login), **headers}
        )
        answer = connection.getresponse()
        answer.read(1000)
        return answer.status
    finally:
        end.cancel()
        connection.close()


def _hang_up(connection: http.client.HTTPConnection) -> None:
    if connection.sock is not None:
        with suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)


def _authorization(login: str) -> dict[str, str]:
    """Of `user:password` in an address."""
    return {"authorization": f"Basic {b64encode(unquote(login).encode()).decode()}"} if login else {}
