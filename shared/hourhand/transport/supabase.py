"""Supabase over HTTPS through supabase-py: a call is one POST, which PostgREST answers."""

import os
from collections.abc import Callable, Mapping, Sequence
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

import httpx
from pydantic_core import from_json

from hourhand.errors import BadInput, Unavailable
from hourhand.transport import answers, project, values
from hourhand.transport.project import REST_PATH
from hourhand.transport.retries import retrying

if TYPE_CHECKING:
    from postgrest import SyncPostgrestClient

SCHEMA = "hourhand"

ANSWER_WITHIN = 15.0
"""Seconds; a project cuts off what takes longer than 8, or has waited longer than 10 for a connection."""

KEPT_FOR = 60.0
"""Seconds that an idle connection is kept: longer than a poll, so that most calls need no new one."""


class SupabaseTransport:
    """See `hourhand.transport.Transport`.

    `patience` is for how many seconds a call repeats what failed for a passing reason, `answer_within` for
    how many one attempt waits. `rest_path` is where PostgREST answers below `url`. Raises BadSetting for a
    key that cannot be the right one.
    """

    name = "supabase"

    def __init__(
        self,
        url: str,
        key: str,
        *,
        application_name: str,
        rest_path: str = REST_PATH,
        patience: float = 30.0,
        answer_within: float = ANSWER_WITHIN,
    ) -> None:
        self._project = project.parse(url, key, rest_path)
        self._application_name = application_name
        self._timeout = httpx.Timeout(answer_within, connect=min(max(patience, 2.0), 10.0))
        self._closing = Event()
        self._retrying = retrying(patience, self._closing)
        self._making = Lock()
        self._made: tuple[int, httpx.Client, SyncPostgrestClient] | None = None

    @property
    def where(self) -> str:
        """The project, for messages: without the key."""
        return self._project.where

    def call(self, function: str, params: Mapping[str, object] | None = None, *, retry: bool = True) -> Any:
        body = _body(function, params or {})
        if not retry:
            return self._call(function, body)
        return self._retrying(self._call, function, body)

    def listen(self, channels: Sequence[str], notify: Callable[[str], None]) -> None:
        """No hints come this way: each answer to a claim says when there will be something."""

    def close(self) -> None:
        self._closing.set()
        with self._making:
            if self._made is not None and self._made[0] == os.getpid():
                self._made[1].close()

    def _call(self, function: str, body: Mapping[str, Any]) -> Any:
        rest = self._rest()
        try:
            return rest.rpc(function, dict(body)).execute().data
        except httpx.HTTPError as error:
            raise answers.broken(error, self.where, function) from error
        except ValueError as error:
            raise BadInput(f"{function}: cannot be written as JSON: {error}") from error

    def _rest(self) -> "SyncPostgrestClient":
        """The one client of this process: a fork must not speak on its parent's connections."""
        with self._making:
            if self._closing.is_set():
                raise Unavailable(f"{self.where}: the transport has been closed")
            if self._made is None or self._made[0] != os.getpid():
                http = self._http()
                self._made = (os.getpid(), http, self._client(http))
            return self._made[2]

    def _client(self, http: httpx.Client) -> "SyncPostgrestClient":
        # It takes longer to import than everything else together.
        from supabase import ClientOptions, create_client

        options = ClientOptions(auto_refresh_token=False, persist_session=False, httpx_client=http)
        return create_client(self._project.url, self._project.key, options).schema(SCHEMA)

    def _http(self) -> httpx.Client:
        # Over HTTP/2 a server that ends its connections takes every call with it that is under way.
        return httpx.Client(
            http2=False,
            timeout=self._timeout,
            limits=httpx.Limits(keepalive_expiry=KEPT_FOR),
            headers={"User-Agent": self._application_name},
            event_hooks={"request": [self._direct], "response": [self._check]},
        )

    def _direct(self, request: httpx.Request) -> None:
        """Sends the request where PostgREST answers; supabase-py knows only one path."""
        before, _, after = request.url.path.rpartition(f"{REST_PATH}/")
        request.url = request.url.copy_with(path=f"{before}{self._project.rest_path}/{after}")

    def _check(self, response: httpx.Response) -> None:
        """Looks at each response itself: supabase-py tells no status, and takes any page for an answer."""
        if not answers.is_answer(response):
            raise answers.refused(response, self.where)


def _body(function: str, params: Mapping[str, object]) -> dict[str, Any]:
    """The parameters as one object in JSON. Raises BadInput for a value that cannot be sent."""
    written = values.written(function, params)
    values.check_names(function, *written)
    return {name: from_json(value) if isinstance(value, bytes) else value for name, value in written.items()}
