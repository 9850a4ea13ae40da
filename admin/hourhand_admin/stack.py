"""Everything that `hourhand up` runs in one place: database, worker, scheduler, admin."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from hourhand import demo, migrate
from hourhand.embedded import InUse, Server, require_allowed
from hourhand.embedded.lock import Lock
from hourhand.errors import ContractMismatch, HourhandError
from hourhand.settings import Settings
from hourhand.transport import Transport, connect, connect_direct
from hourhand_admin.output import Output
from hourhand_admin.reload import Changes, watched_directories
from hourhand_admin.services import Daemon, Database
from hourhand_admin.supervisor import STOPPING_SIGNALS, Service, Supervisor, Watch

APPLICATION = "hourhand-up"
_READY_WITHIN = 30.0  # seconds
_PATIENCE = 15.0  # seconds for a configured database that is just starting
_MARGIN = 10.0  # seconds that a daemon gets beyond those for its runs


@dataclass(frozen=True)
class Plan:
    """What to run besides the settings: `port` is the admin's, None where there is none."""

    port: int | None
    reload: bool
    announce: Callable[[str], None]
    """Called once when everything runs, with what the user should know."""


def up_lock(data_dir: Path) -> Lock:
    """Held by the `hourhand up` of this data directory; the file holds its process id."""
    return Lock(data_dir / "up.pid")


def log_dir(settings: Settings) -> Path:
    return settings.log_dir or settings.data_dir / "logs"


def run(settings: Settings, plan: Plan) -> None:
    """Run everything until a signal comes, then stop it in order. Raises HourhandErrors while starting."""
    _let_signals_interrupt()
    try:
        with _claimed(settings.data_dir), ExitStack() as ours:
            server = ours.enter_context(_server(settings)) if settings.database == "embedded" else None
            if server is not None:
                settings = _joined(settings, server)
            _prepare(settings, server)
            _supervise(settings, plan, server)
    except KeyboardInterrupt:  # while starting; what had been started is stopped by now
        return


def _let_signals_interrupt() -> None:
    for number in STOPPING_SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


@contextmanager
def _claimed(data_dir: Path) -> Iterator[None]:
    lock = up_lock(data_dir)
    try:
        data_dir.mkdir(0o700, parents=True, exist_ok=True)
        if not lock.acquire():
            raise InUse(
                f"`hourhand up` runs already in {data_dir}: {lock.holder() or 'it is just ending'}",
                "Stop it with `hourhand stop`, or choose another directory with --data-dir.",
            )
    except OSError as error:
        raise HourhandError(
            f"{data_dir} cannot be used: {error.strerror}", "Choose another directory with --data-dir."
        ) from error
    try:
        yield
    finally:
        lock.release()


def _server(settings: Settings) -> Server:
    require_allowed(settings)
    return Server(settings.data_dir, pg_bin=settings.pg_bin)


def _joined(settings: Settings, server: Server) -> Settings:
    return settings.model_copy(
        update={
            "database_url": SecretStr(server.url),
            "transport": "postgres",
            "tasks": (*settings.tasks, demo.__name__),
        }
    )


def _prepare(settings: Settings, server: Server | None) -> None:
    """Our own database gets the schema, and the demo when it is new. A configured one has to have it."""
    if server is None:
        with closing(connect(settings, application_name=APPLICATION, patience=_PATIENCE)) as transport:
            migrate.check(transport)
        return
    with closing(connect_direct(settings, application_name=APPLICATION)) as database:
        new = not _has_schema(database)
        migrate.apply(database)
        if new:
            database.call("put_schedule", {"p_schedule": demo.SCHEDULE, "p_mode": "upsert"})


def _has_schema(transport: Transport) -> bool:
    try:
        transport.call("info")
    except ContractMismatch:
        return False
    return True


def _supervise(settings: Settings, plan: Plan, server: Server | None) -> None:
    daemons = _daemons(settings, plan)
    services: list[Service] = [*([Database(server)] if server else []), *daemons]
    watch = None
    if plan.reload:
        changes = Changes(watched_directories(settings.tasks))
        watch = Watch("worker", changes.next)
    supervisor = Supervisor(services, watch)
    supervisor.listen_to_signals()
    try:
        silent = _wait_until_ready(settings, supervisor, daemons)
        if not supervisor.stop_requests:
            plan.announce(_announcement(settings, plan, server, silent))
            supervisor.run()
    finally:
        supervisor.stop()


def _daemons(settings: Settings, plan: Plan) -> list[Daemon]:
    commands = [["worker"], ["scheduler"]]
    if plan.port is not None:
        commands.append(["admin", "--port", str(plan.port)])
    output = Output([command[0] for command in commands], bare=settings.log_format == "json")
    environment = _environment(settings)
    grace = settings.shutdown.total_seconds() + _MARGIN
    program = [sys.executable, "-m", "hourhand"]
    return [
        Daemon(command[0], [*program, *command], output, grace=grace, environment=environment)
        for command in commands
    ]


def _environment(settings: Settings) -> dict[str, str]:
    ours = {
        "HOURHAND_DATA_DIR": str(settings.data_dir),
        "HOURHAND_LOG_DIR": str(log_dir(settings)),
        "HOURHAND_TASKS": ",".join(settings.tasks),
        "PYTHONUNBUFFERED": "1",
    }
    if settings.database_url is not None and settings.database == "postgres":
        ours |= {"DATABASE_URL": settings.database_url.get_secret_value(), "HOURHAND_TRANSPORT": "postgres"}
    if settings.schedules is not None:
        ours["HOURHAND_SCHEDULES"] = str(settings.schedules)
    return {**os.environ, **ours}


def _wait_until_ready(settings: Settings, supervisor: Supervisor, daemons: Sequence[Daemon]) -> list[str]:
    """Keep all running until each daemon has a session, but not for ever; those that have none yet."""
    deadline = time.monotonic() + _READY_WITHIN
    awaited = [daemon for daemon in daemons if daemon.name != "admin"]
    silent: list[str] = []
    with closing(connect(settings, application_name=APPLICATION, patience=1.0)) as transport:

        def is_ready() -> bool:
            alive = _alive(transport)
            silent[:] = [daemon.name for daemon in awaited if daemon.pid not in alive]
            return not silent or time.monotonic() > deadline

        supervisor.run(is_ready, look_every=0.2)
    return silent


def _alive(transport: Transport) -> set[int]:
    """Process ids of the daemons that the database knows as alive."""
    try:
        services = transport.call("get_status", retry=False)["services"]
    except HourhandError:
        return set()
    return {service["pid"] for service in services if service["state"] == "alive"}


def _announcement(settings: Settings, plan: Plan, server: Server | None, silent: Sequence[str]) -> str:
    lines = ["hourhand is up." if not silent else f"hourhand is up, but {' and '.join(silent)} not yet."]
    if server is not None:
        lines.append(f"  database  {server.url}")
    if plan.port is not None:
        lines.append(f"  admin     http://127.0.0.1:{plan.port}")
    lines.append(f"  logs      {log_dir(settings)}")
    return "\n".join(lines)
