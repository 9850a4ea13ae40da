"""Who is asking."""

from dataclasses import dataclass

from hourhand_admin.web.access.roles import Role


@dataclass(frozen=True, slots=True)
class Who:
    """`actor` is what the audit log says. `secret` is known to this browser and us alone: forms prove with it
    that they are ours. It is None for who came with a bearer token, which no foreign page can send.
    """

    name: str
    role: Role
    actor: str
    secret: str | None

    @classmethod
    def visitor(cls, secret: str) -> "Who":
        return cls("", Role.anyone, "", secret)

    def may(self, role: Role | str) -> bool:
        return self.role >= (Role[role] if isinstance(role, str) else role)
