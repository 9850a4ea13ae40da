"""The supabase client of a process: made at its first use, closed when the last call has left it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

import httpx

from hourhand.errors import Unavailable
from hourhand.transport.project import REST_PATH, Project

if TYPE_CHECKING:
    from postgrest import SyncPostgrestClient

SCHEMA = "hourhand"

KEPT_FOR = 60.0
"""Seconds that an idle connection is kept: longer than a poll, so that most calls need no new one."""

Check = Callable[[httpx.Response], None]


class Rest:
    """What calls functions of the schema hourhand; `check` looks at each response and may raise."""

    def __init__(self, project: Project, name: str, timeout: httpx.Timeout, check: Check) -> None:
        self._project = project
        self._name = name
        self._timeout = timeout
        self._check = check
        self._lock = Lock()
        self._pid = os.getpid()
        self._http: httpx.Client | None = None
        self._rest: SyncPostgrestClient | None = None
        self._calls = 0
        self._closed = False

    @contextmanager
    def use(self) -> "Iterator[SyncPostgrestClient]":
        """For one call. Raises Unavailable after close()."""
        rest = self._enter()
        try:
            yield rest
        finally:
            self._leave()

    def close(self) -> None:
        """Ends the connections now, or when the calls that are under way have ended."""
        with self._lock:
            self._closed = True
            self._close_unused()

    def _enter(self) -> "SyncPostgrestClient":
        with self._lock:
            if self._closed:
                raise Unavailable(f"{self._project.where}: the transport has been closed")
            if self._pid != os.getpid():
                # A fork must not speak on its parent's connections, nor end them.
                self._pid, self._calls, self._rest = os.getpid(), 0, None
            self._rest = self._rest or self._connected()
            self._calls += 1
            return self._rest

    def _leave(self) -> None:
        with self._lock:
            self._calls -= 1
            self._close_unused()

    def _close_unused(self) -> None:
        if self._closed and not self._calls and self._http is not None and self._pid == os.getpid():
            self._http.close()

    def _connected(self) -> "SyncPostgrestClient":
        # It takes longer to import than everything else together.
        from supabase import ClientOptions, create_client

        self._http = self._client()
        options = ClientOptions(auto_refresh_token=False, persist_session=False, httpx_client=self._http)
        return create_client(self._project.url, self._project.key, options).schema(SCHEMA)

    def _client(self) -> httpx.Client:
        # Over HTTP/2 a server that ends a connection takes every call with it that is under way.
        return httpx.Client(
            http2=False,
            timeout=self._timeout,
            limits=httpx.Limits(keepalive_expiry=KEPT_FOR),
            headers={"User-Agent": self._name},
            event_hooks={"request": [self._direct], "response": [self._check]},
        )

    def _direct(self, request: httpx.Request) -> None:
        """Sends the request where PostgREST answers; supabase-py knows only one path."""
        before, _, after = request.url.path.rpartition(f"{REST_PATH}/")
        request.url = request.url.copy_with(path=f"{before}{self._project.rest_path}/{after}")
