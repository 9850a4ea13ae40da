"""The operator commands, listed for the entry-point group `hourhand.commands`.

Each module imports nothing but click and the helpers of the command line; what is heavy is imported inside
the commands, because `hourhand --help` loads them all.
"""

import click

commands: tuple[click.Command, ...] = ()
