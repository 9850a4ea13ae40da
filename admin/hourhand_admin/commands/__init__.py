"""The operator commands, listed for the entry-point group `hourhand.commands`.

Each module imports nothing but click and the helpers of the command line; what is heavy is imported inside
the commands, because `hourhand --help` loads them all.
"""

import click

from hourhand_admin.commands.admin import admin
from hourhand_admin.commands.alert import alert
from hourhand_admin.commands.deploy import deploy
from hourhand_admin.commands.doctor import doctor
from hourhand_admin.commands.enqueue import enqueue
from hourhand_admin.commands.fleet import fleet
from hourhand_admin.commands.health import health
from hourhand_admin.commands.logs import logs
from hourhand_admin.commands.migrate import migrate
from hourhand_admin.commands.ping import ping
from hourhand_admin.commands.run import run
from hourhand_admin.commands.schedule import schedule
from hourhand_admin.commands.status import status
from hourhand_admin.commands.tasks import queue, tasks
from hourhand_admin.commands.tick import tick
from hourhand_admin.commands.token import token
from hourhand_admin.commands.up import stop, up
from hourhand_admin.commands.user import user

commands: tuple[click.Command, ...] = (
    admin,
    alert,
    deploy,
    doctor,
    enqueue,
    fleet,
    health,
    logs,
    migrate,
    ping,
    queue,
    run,
    schedule,
    status,
    stop,
    tasks,
    tick,
    token,
    up,
    user,
)
