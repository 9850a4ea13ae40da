"""`hourhand user`: who may log in to the admin."""

from __future__ import annotations

import sys
from typing import Any

import click

from hourhand.cli import echo_json, json_option, table
from hourhand_admin.terminal import text
from hourhand_admin.terminal.inputs import NameType
from hourhand_admin.terminal.session import examples, open_client, say

ROLES = ("viewer", "operator", "admin")
role_option = click.option(
    "--role",
    type=click.Choice(ROLES),
    help="viewer reads, operator also runs and edits, admin also gives access.  [default for a new user: "
    "viewer]",
)


@click.group()
def user() -> None:
    """List, add, change, lock and delete the users of the admin."""


@user.command("list")
@json_option
def list_users(as_json: bool) -> None:
    """List the users with their roles."""
    with open_client() as client:
        users = client.call("list_users")["users"]
    if as_json:
        echo_json(users)
        return
    if not users:
        say("There is no user yet. Add one: hourhand user add NAME")
        return
    click.echo(table(map(_row, users), ("user", "role", "state", "last login")))


def _row(user: dict[str, Any]) -> tuple[str, ...]:
    state = "locked" if user.get("locked") else "open"
    return user["name"], user["role"], state, text.local(text.instant(user["last_login_at"]))


@user.command(
    epilog=examples("hourhand user add alice --role operator", "hourhand user add bob < password.txt")
)
@click.argument("name", type=NameType(100, without=" :"))
@role_option
@json_option
def add(name: str, role: str | None, as_json: bool) -> None:
    """Add a user. The password is asked for, or read from stdin."""
    from hourhand.errors import Conflict
    from hourhand_admin.web.access.passwords import hash_password

    password = hash_password(_password())
    with open_client() as client:
        if client.call("find_user", p_name=name)["role"] is not None:
            raise Conflict(f"there is a user {name!r} already", f"Change it: hourhand user set {name}")
        answer = client.call("put_user", p_name=name, p_role=role or "viewer", p_password_hash=password)
    echo_json(answer) if as_json else say(f"user {name} may log in as {answer['role']}")


@user.command(
    "set", epilog=examples("hourhand user set alice --role admin", "hourhand user set alice --password")
)
@click.argument("name")
@role_option
@click.option("--password", is_flag=True, help="Ask for a new password, or read it from stdin.")
@json_option
def change(name: str, role: str | None, password: bool, as_json: bool) -> None:
    """Change the role or the password of a user.

    They have to log in again then.
    """
    from hourhand_admin.web.access.passwords import hash_password

    if not role and not password:
        raise click.UsageError("say what to change: --role or --password")
    hashed = hash_password(_password()) if password else None
    with open_client() as client:
        answer = client.call("put_user", p_name=name, p_role=role, p_password_hash=hashed)
    echo_json(answer) if as_json else say(f"user {name} is {answer['role']} and has to log in again")


@user.command()
@click.argument("name")
@json_option
def lock(name: str, as_json: bool) -> None:
    """Lock a user out, and end what logins there are.

    A new password lets the user in again; and so does HOURHAND_ADMIN_PASSWORD with the user `admin` whenever
    the admin starts.
    """
    with open_client() as client:
        answer = client.call("lock_user", p_name=name)
    echo_json(answer) if as_json else say(f"user {name} is locked out")


@user.command()
@click.argument("name")
@json_option
def unlock(name: str, as_json: bool) -> None:
    """Let a user in again, with the same password."""
    with open_client() as client:
        answer = client.call("lock_user", p_name=name, p_locked=False)
    echo_json(answer) if as_json else say(f"user {name} may log in as {answer['role']}")


@user.command()
@click.argument("name")
@json_option
def delete(name: str, as_json: bool) -> None:
    """Delete a user, and end what logins there are."""
    with open_client() as client:
        answer = client.call("delete_user", p_name=name)
    echo_json(answer) if as_json else say(f"user {name} is deleted")


def _password() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\r\n")
