"""`hourhand token`: access of programs to the REST API."""

from __future__ import annotations

from datetime import timedelta

import click

from hourhand.cli import echo_json, json_option, table
from hourhand_admin.commands.user import ROLES
from hourhand_admin.terminal import text
from hourhand_admin.terminal.inputs import NAME, SOME_TIME
from hourhand_admin.terminal.session import examples, open_client, say


@click.group()
def token() -> None:
    """Create, list and revoke tokens of the REST API."""


@token.command(
    epilog=examples("hourhand token create ci --role operator --expires 90d", "hourhand token create grafana")
)
@click.argument("name", type=NAME)
@click.option("--role", type=click.Choice(ROLES), default="viewer", help="What it may do.  [default: viewer]")
@click.option("--expires", type=SOME_TIME, help="How long it is good for, such as 90d.  [default: for good]")
@json_option
def create(name: str, role: str, expires: timedelta | None, as_json: bool) -> None:
    """Create a token and print it, this once: only its hash is kept."""
    from hourhand_admin.web.access.tokens import hash_token, new_token

    secret = new_token()
    seconds = expires.total_seconds() if expires else None
    with open_client() as client:
        answer = client.call(
            "create_api_token", p_name=name, p_role=role, p_token_hash=hash_token(secret), p_lifetime=seconds
        )
    if as_json:
        echo_json({**answer, "token": secret})
        return
    say(f"token {name} ({role}); keep it, it is not shown again:")
    click.echo(secret)


@token.command("list")
@json_option
def list_tokens(as_json: bool) -> None:
    """List the tokens, without their secrets."""
    with open_client() as client:
        tokens = client.call("list_api_tokens")["tokens"]
    if as_json:
        echo_json(tokens)
        return
    if not tokens:
        say("There is no token yet. Create one: hourhand token create NAME")
        return
    rows = [
        (
            each["name"],
            each["role"],
            _time(each["created_at"]),
            _time(each["expires_at"]),
            _time(each["last_used_at"]),
        )
        for each in tokens
    ]
    click.echo(table(rows, ("token", "role", "created", "expires", "last used")))


@token.command()
@click.argument("name")
@json_option
def revoke(name: str, as_json: bool) -> None:
    """Revoke a token: it is refused from now on."""
    with open_client() as client:
        answer = client.call("revoke_api_token", p_name=name)
    echo_json(answer) if as_json else say(f"token {name} is revoked")


def _time(value: str | None) -> str:
    return text.local(text.instant(value))
