"""Supabase over HTTPS through supabase-py: a call is one POST, which PostgREST answers."""

from collections.abc import Callable, Mapping, Sequence
from threading import Event
from typing import Any

import httpx
from pydantic_core import from_json

from hourhand.errors import BadInput, TransportError
from hourhand.transport import answers, project, values
from hourhand.transport.project import REST_PATH
from hourhand.transport.rest import Rest
from hourhand.transport.retries import retrying

ANSWER_WITHIN = 15.0
"""Seconds; a project cuts off what takes longer than 8, or has waited longer than 10 for a connection."""


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
        timeout = httpx.Timeout(answer_within, connect=min(max(patience, 2.0), 10.0))
        self._rest = Rest(self._project, application_name, timeout, self._check)
        self._closing = Event()
        self._retrying = retrying(patience, self._closing)

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
        self._rest.close()

    def _call(self, function: str, body: dict[str, Any]) -> Any:
        try:
            with self._rest.use() as rest:
                return rest.rpc(function, body).execute().data
        except httpx.HTTPError as error:
            raise answers.broken(error, self.where, function) from error
        except RecursionError as error:
            raise TransportError(
                f"{self.where}: {function}: the answer cannot be decoded: {error}"
            ) from error
        except ValueError as error:
            raise BadInput(f"{function}: cannot be written as JSON: {error}") from error

    def _check(self, response: httpx.Response) -> None:
        """Looks at each response itself: supabase-py tells no status, and takes any page for an answer."""
        if not answers.is_answer(response):
            raise answers.refused(response, self.where)


def _body(function: str, params: Mapping[str, object]) -> dict[str, Any]:
    """The parameters as one object in JSON. Raises BadInput for a value that cannot be sent."""
    written = values.written(function, params)
    values.check_names(function, *written)
    return {name: from_json(value) if isinstance(value, bytes) else value for name, value in written.items()}
