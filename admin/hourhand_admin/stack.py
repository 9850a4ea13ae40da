"""Everything that `hourhand up` runs in one place: database, worker, scheduler, admin."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from hourhand import demo, migrate, registry, schedule_file
from hourhand.embedded import InUse, Server, require_allowed
from hourhand.embedded.directory import ELSEWHERE, as_sentences, make_data_dir
from hourhand.embedded.lock import Lock
from hourhand.errors import ContractMismatch
from hourhand.settings import Settings
from hourhand.transport import Transport, connect, connect_direct
from hourhand_admin.first_login import first_login
from hourhand_admin.output import Output
from hourhand_admin.readiness import Readiness
from hourhand_admin.reload import Changes, Reload, watched_directories
from hourhand_admin.services import Daemon, Database
from hourhand_admin.supervisor import STOPPING_SIGNALS, Service, Supervisor

APPLICATION = "hourhand-up"
_PATIENCE = 15.0  # seconds for a configured database that is just starting
_MARGIN = 10.0  # seconds that a daemon gets beyond those for its runs


@dataclass(frozen=True)
class Plan:
    """What to run besides the settings: `port` is the admin's."""

    port: int
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
    # Tell at once what is wrong.
    registry.find(settings.tasks)
    if settings.schedules is not None:
        schedule_file.read(settings.schedules, str(settings.cron_timezone))
    try:
        with ExitStack() as ours:
            server = ours.enter_context(_server(settings)) if settings.database == "embedded" else None
            ours.callback(_ignore_signals)
            if server is not None:
                settings = _joined(settings, server)
            new = _prepare(settings, server)
            _supervise(settings, plan, server, new)
    except KeyboardInterrupt:  # while starting; what had been started is stopped by now
        return


def _let_signals_interrupt() -> None:
    for number in STOPPING_SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


def _ignore_signals() -> None:
    """Once all is stopped, `uv run` may still pass on the Ctrl-C that stopped it."""
    for number in STOPPING_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def claimed(data_dir: Path) -> Iterator[None]:
    """Meanwhile no other `hourhand up` runs in this data directory. Raises EmbeddedError."""
    lock = up_lock(data_dir)
    with as_sentences(data_dir):
        make_data_dir(data_dir)
        if not lock.acquire():
            raise InUse(
                f"`hourhand up` runs already in {data_dir}: {lock.holder() or 'it is just ending'}",
                f"Stop it with `hourhand stop`, or {ELSEWHERE}",
            )
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


def _prepare(settings: Settings, server: Server | None) -> bool:
    """Our own database gets the schema, and the demo when it is new; a configured one has to have the schema.

    Returns whether it is new.
    """
    if server is None:
        with closing(connect(settings, application_name=APPLICATION, patience=_PATIENCE)) as transport:
            migrate.check(transport)
        return False
    with closing(connect_direct(settings, application_name=APPLICATION)) as database:
        new = not _has_schema(database)
        migrate.apply(database)
        if new:
            database.call("put_schedule", {"p_schedule": demo.SCHEDULE, "p_mode": "upsert"})
        return new


def _has_schema(transport: Transport) -> bool:
    try:
        transport.call("info")
    except ContractMismatch:
        return False
    return True


def _supervise(settings: Settings, plan: Plan, server: Server | None, new: bool) -> None:
    # When we are killed, our database ends with us: then a daemon has nobody to tell what it did.
    daemons = _daemons(settings, plan, signal.SIGKILL if server else signal.SIGTERM)
    services: list[Service] = [*([Database(server)] if server else []), *daemons]
    supervisor = Supervisor(services)
    if plan.reload:
        supervisor.chores.append(Reload(supervisor, "worker", Changes(watched_directories(settings.tasks))))
    with closing(connect(settings, application_name=APPLICATION, patience=1.0)) as transport:

        def tell(silent: Sequence[str]) -> None:
            login = first_login(settings, transport, ours=server is not None)
            transport.close()
            plan.announce(_announcement(settings, plan, server, new, silent, login))

        supervisor.chores.append(Readiness(transport, daemons, tell))
        supervisor.run()


def _daemons(settings: Settings, plan: Plan, ended_by: signal.Signals) -> list[Daemon]:
    commands = [*([["worker"]] if settings.tasks else []), ["scheduler"], ["admin", "--port", str(plan.port)]]
    output = Output([command[0] for command in commands], bare=settings.log_format == "json")
    environment = _environment(settings)
    grace = settings.shutdown.total_seconds() + _MARGIN
    program = [sys.executable, "-m", "hourhand"]
    return [
        Daemon(
            name, [*program, name, *options], output, grace=grace, environment=environment, ended_by=ended_by
        )
        for name, *options in commands
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


def _announcement(
    settings: Settings, plan: Plan, server: Server | None, new: bool, silent: Sequence[str], login: str
) -> str:
    lines = ["hourhand is up."]
    if silent:
        lines = [f"hourhand is up, but {' and '.join(silent)} not yet: what it wrote is here or in up.log."]
    if server is not None:
        lines.append(f"  database  {server.url}")
    lines += [f"  admin     http://127.0.0.1:{plan.port}", f"  login     {login}"]
    if not settings.tasks:
        lines.append("  worker    none: name the modules that define tasks with --tasks or HOURHAND_TASKS")
    lines.append(f"  logs      {log_dir(settings)}")
    if new:
        lines.append(
            f"  demo      schedule {demo.SCHEDULE['name']} says hello every {demo.SCHEDULE['every']} s"
        )
    return "\n".join(lines)
