"""The operator commands, listed for the entry-point group `hourhand.commands`.

Each module imports nothing but click and the helpers of the command line; what is heavy is imported inside
the commands, because `hourhand --help` loads them all.
"""

import click

from hourhand_admin.commands.deploy import deploy
from hourhand_admin.commands.doctor import doctor
from hourhand_admin.commands.enqueue import enqueue
from hourhand_admin.commands.fleet import fleet
from hourhand_admin.commands.logs import logs
from hourhand_admin.commands.migrate import migrate
from hourhand_admin.commands.run import run
from hourhand_admin.commands.schedule import schedule
from hourhand_admin.commands.status import status
from hourhand_admin.commands.tasks import queue, tasks
from hourhand_admin.commands.tick import tick
from hourhand_admin.commands.up import stop, up

commands: tuple[click.Command, ...] = (
    deploy,
    doctor,
    enqueue,
    fleet,
    logs,
    migrate,
    queue,
    run,
    schedule,
    status,
    stop,
    tasks,
    tick,
    up,
)
