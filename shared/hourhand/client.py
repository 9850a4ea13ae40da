"""The client: enqueue runs, wait for them, and keep schedules, from any Python program.

    with Client() as client:
        handle = client.enqueue("ingest-rss", {"url": "https://example.org/feed"})
        print(handle.result(timeout=60))

`AsyncClient` has the same methods, awaited.
"""

from __future__ import annotations

import functools
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal, Self, TypedDict, Unpack

from hourhand.bulk import chunks, copy_lines, in_turn
from hourhand.errors import BadSetting
from hourhand.fleets import AsyncFleets, Fleets
from hourhand.handle import AsyncHandle, Handle, hopped_to_handle
from hourhand.hopping import Face, Threads, hopped
from hourhand.payloads import (
    Job,
    is_repeatable,
    job_without_payload,
    make_job,
    parameters,
    payloads_of,
    repeatable,
)
from hourhand.records import Outcome
from hourhand.runs import AsyncRuns, Runs
from hourhand.schedules import AsyncSchedules, Schedules
from hourhand.transport.protocol import Copying

if TYPE_CHECKING:
    from hourhand.settings import Settings
    from hourhand.tasks import Task
    from hourhand.transport import Transport

__all__ = ["AsyncClient", "AsyncHandle", "Client", "Handle"]

Key = Callable[[Any], str] | None
OnConflict = Literal["existing", "replace"]
HandleList = list[Handle]
AsyncHandleList = list[AsyncHandle]

_MOST_JOBS = 1000
_MOST_PAYLOADS = 2000


class RunOptions(TypedDict, total=False):
    """The options of `Client.enqueue` besides its key."""

    key_scope: str | None
    key_ttl: timedelta | float | None
    on_conflict: OnConflict | None
    run_at: datetime | None
    priority: int | None
    queue: str | None
    concurrency_key: str | None
    max_attempts: int | None
    timeout: timedelta | float | None
    parent_id: int | None


class CopyOptions(TypedDict, total=False):
    """The options of `Client.copy_runs`: those of `enqueue` that need no key."""

    run_at: datetime | None
    priority: int | None
    queue: str | None
    concurrency_key: str | None
    max_attempts: int | None
    timeout: timedelta | float | None
    parent_id: int | None


class Client:
    """Speaks with the database that the settings choose: the environment's, or those given here.

    Without a configured database it joins the embedded server that runs in HOURHAND_DATA_DIR. Nothing is
    contacted before the first call. Safe to share between threads; close it, or use it with `with`.
    `patience` is for how many seconds a call repeats what failed for a passing reason.

    Raises BadSetting for wrong settings; the first call EmbeddedError when there is no database at all.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        settings: Settings | None = None,
        application_name: str = "hourhand-client",
        patience: float = 10.0,
    ) -> None:
        self.settings = _settings(url, settings)
        self.runs = Runs(self)
        self.schedules = Schedules(self)
        self.fleets = Fleets(self)
        self._application_name = application_name
        self._patience = patience
        self._transport: Transport | None = None
        self._connecting = threading.Lock()

    @property
    def transport(self) -> Transport:
        with self._connecting:
            if self._transport is None:
                from hourhand.transport import connect

                self._transport = connect(
                    self.settings, application_name=self._application_name, patience=self._patience
                )
            return self._transport

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with self._connecting:
            if self._transport is not None:
                self._transport.close()
                self._transport = None

    def call(self, function: str, /, *, retry: bool = True, **params: Any) -> Any:
        """The answer of one of the database's functions; None leaves a parameter out."""
        return self.transport.call(function, params, retry=retry)

    def now(self) -> datetime:
        """The database's clock, the only one that counts; in UTC."""
        return datetime.fromisoformat(self.call("info")["now"]).astimezone(UTC)

    def enqueue(
        self,
        /,
        task: Task[..., Any] | str,
        payload: Any = None,
        *,
        key: str | None = None,
        key_scope: str | None = None,
        key_ttl: timedelta | float | None = None,
        on_conflict: OnConflict | None = None,
        run_at: datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        concurrency_key: str | None = None,
        max_attempts: int | None = None,
        timeout: timedelta | float | None = None,
        parent_id: int | None = None,
        **fields: Any,
    ) -> Handle:
        """Enqueue one run; the payload is a pydantic model or a dict, or its fields by name.

        A task that is defined or imported here has its payload checked first. What is left out comes from
        the task, else from the defaults.

        With a `key` the same call made again finds the run of the first (`existing`), for `key_ttl` (seconds
        or a timedelta; 24 hours) and within `key_scope` (the task's name); `on_conflict="replace"` puts the
        new payload into a run that has not started. `run_at` is aware; `priority` is −100…100, higher first;
        of the runs with one `concurrency_key` one runs at a time; `timeout` is in seconds or a timedelta.

        Raises BadPayload, and the TransportErrors.
        """
        options: RunOptions = {
            "key_scope": key_scope,
            "key_ttl": key_ttl,
            "on_conflict": on_conflict,
            "run_at": run_at,
            "priority": priority,
            "queue": queue,
            "concurrency_key": concurrency_key,
            "max_attempts": max_attempts,
            "timeout": timeout,
            "parent_id": parent_id,
        }
        job = make_job(task, _one(payload, fields), options)
        return self._enqueue(repeatable(job) if key is None else {**job, "key": key})

    def _enqueue(self, job: Job) -> Handle:
        answer = self.call("enqueue", **parameters(job))
        # Only a repetition of this very call can have found its own key.
        outcome: Outcome = "created" if is_repeatable(job) else answer["outcome"]
        return Handle(self.runs, answer["id"], outcome)

    def enqueue_many(
        self,
        task: Task[..., Any] | str,
        payloads: Iterable[Any],
        *,
        key: Key = None,
        **options: Unpack[RunOptions],
    ) -> HandleList:
        """Enqueue a run for each payload; the handles are in the same order.

        The options are those of `enqueue` and go for all; `key` is a function of the payload as given. It
        takes as many calls as it needs (each of up to 2000 runs, 1000 with keys, and 4 MB), one after the
        other. Each is one transaction and safe to repeat: when one fails, the runs of those before it exist.

        Raises BadPayload, and the TransportErrors.
        """
        _check(options)
        if key is None:
            return self._enqueue_payloads(task, payloads, options)
        jobs = ({**make_job(task, payload, options), "key": key(payload)} for payload in payloads)
        answers = in_turn(lambda chunk: self.call("enqueue_many", p_jobs=chunk), chunks(jobs, _MOST_JOBS))
        return [Handle(self.runs, each["id"], each["outcome"]) for each in chain.from_iterable(answers)]

    def _enqueue_payloads(
        self, task: Task[..., Any] | str, payloads: Iterable[Any], options: RunOptions
    ) -> HandleList:
        job = job_without_payload(task, options)

        def call(chunk: list[Any]) -> list[int]:
            answer = self.call("enqueue_payloads", p_job=job, p_payloads=chunk, p_request_id=uuid.uuid4())
            ids: list[int] = answer["ids"]
            return ids

        ids = in_turn(call, chunks(payloads_of(task, payloads), _MOST_PAYLOADS))
        return [Handle(self.runs, each, "created") for each in chain.from_iterable(ids)]

    def copy_runs(
        self, task: Task[..., Any] | str, payloads: Iterable[Any], **options: Unpack[CopyOptions]
    ) -> int:
        """Enqueue a run for each payload by one COPY, the fastest way there is; returns how many.

        It gives no handles and takes no keys. All of it is one transaction: with any error no run exists,
        but for Unavailable, which leaves open whether they do. A payload is read when its turn comes, so a
        generator of any length will do. It needs a direct connection, as the owner of the schema: a role
        that row security holds for, such as hourhand_worker, may not COPY.

        Raises BadSetting over Supabase, Denied without the right, BadPayload, and the TransportErrors.
        """
        _check(options, CopyOptions)
        transport = self.transport
        if not isinstance(transport, Copying):
            raise BadSetting(
                "copy_runs needs a direct connection, and this client goes through the Supabase API",
                "Set DATABASE_URL and HOURHAND_TRANSPORT=postgres, or use enqueue_many.",
            )
        draft = self.call("draft_run", p_job=job_without_payload(task, options))
        same = {name: value for name, value in draft.items() if value is not None}
        return transport.copy_runs(("payload", *same), copy_lines(payloads_of(task, payloads), same))


class AsyncClient(Face[Client]):
    """A client whose methods are awaited: `async with AsyncClient() as client`.

    Takes what `Client` takes. Each call hops through one of a few threads of its own.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        settings: Settings | None = None,
        application_name: str = "hourhand-client",
        patience: float = 10.0,
    ) -> None:
        client = Client(url, settings=settings, application_name=application_name, patience=patience)
        super().__init__(client, Threads())
        self.runs = self._facing(AsyncRuns, client.runs)
        self.schedules = self._facing(AsyncSchedules, client.schedules)
        self.fleets = self._facing(AsyncFleets, client.fleets)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._threads.run(self._behind.close)
        self._threads.close()

    @property
    def settings(self) -> Settings:
        return self._behind.settings

    call = hopped(Client.call)
    now = hopped(Client.now)
    enqueue = hopped_to_handle(Client.enqueue)
    copy_runs = hopped(Client.copy_runs)

    @functools.wraps(Client.enqueue_many)
    async def enqueue_many(
        self,
        task: Task[..., Any] | str,
        payloads: Iterable[Any],
        *,
        key: Key = None,
        **options: Unpack[RunOptions],
    ) -> AsyncHandleList:
        handles = await self._threads.run(
            lambda: self._behind.enqueue_many(task, payloads, key=key, **options)
        )
        return [self._facing(AsyncHandle, handle) for handle in handles]


def _settings(url: str | None, settings: Settings | None) -> Settings:
    from hourhand.settings import load_settings

    if settings is not None:
        if url is not None:
            raise TypeError("give either url or settings")
        return settings
    return load_settings() if url is None else load_settings(database_url=url, transport="postgres")


def _one(payload: Any, fields: dict[str, Any]) -> Any:
    if payload is not None and fields:
        names = ", ".join(fields)
        raise TypeError(f"{names}: no option of enqueue, and there is a payload besides")
    return fields or payload


def _check(options: Mapping[str, object], known: type = RunOptions) -> None:
    if unknown := options.keys() - known.__annotations__.keys():
        raise TypeError(f"there is no option {', '.join(sorted(unknown))}")
