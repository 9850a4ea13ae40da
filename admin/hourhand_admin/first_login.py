"""The first user of a database that `hourhand up` has made."""

from hourhand.errors import HourhandError
from hourhand.settings import Settings
from hourhand.transport import Transport
from hourhand_admin.web.access import passwords

USER = "admin"


def first_login(settings: Settings, transport: Transport, *, ours: bool) -> str:
    """How to log in, in words. When nobody can yet, and the database is ours, it makes a user.

    The password is said this once, and never in a log.
    """
    if settings.admin_password is not None:
        return f"user {USER}, with the password of HOURHAND_ADMIN_PASSWORD"
    try:
        if transport.call("list_users")["users"]:
            return "with your password; a new one: hourhand user set NAME --password"
        if not ours or settings.log_format == "json":
            return "nobody can yet: hourhand user add NAME --role admin"
        return _make_user(transport)
    except HourhandError as error:
        return f"not known: {error}"


def _make_user(transport: Transport) -> str:
    password = passwords.generate()
    wanted = {"p_name": USER, "p_role": "admin", "p_password_hash": passwords.hash_password(password)}
    transport.call("put_user", wanted)
    return (
        f"user {USER}, password {password} (shown this once; a new one: hourhand user set {USER} --password)"
    )
