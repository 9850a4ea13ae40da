"""`hourhand admin`: the pages and the REST API. Imports nothing heavy: `hourhand --help` loads it."""

from __future__ import annotations

import click

from hourhand.handlers import early_signals
from hourhand_admin.terminal.session import examples


@click.command(epilog=examples("hourhand admin", "hourhand admin --host 0.0.0.0 --port 80 --root-path /jobs"))
@click.option("--host", default="127.0.0.1", help="Address to listen at.  [default: 127.0.0.1]")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, help="0 takes a free one.  [default: 8000]"
)
@click.option(
    "--root-path",
    default="",
    metavar="PATH",
    help="Path below which a proxy shows it, such as /jobs.  [default: /]",
)
@click.option(
    "--log-level", metavar="LEVEL", help="Least level that is logged.  [env LOG_LEVEL; default: INFO]"
)
def admin(host: str, port: int, root_path: str, log_level: str | None) -> None:
    """Serve the admin: pages for people, a REST API for programs.

    Nobody gets in without a login or a token: `hourhand user add`, `hourhand token create`. While there is
    neither, it listens on this machine only.
    """
    with early_signals():
        from hourhand_admin.web import serve

        serve.run(host, port, root_path, log_level=log_level)
