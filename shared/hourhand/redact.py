"""Take secrets out of text that is logged, shown or stored.

Known shapes only: passwords in addresses, JWTs, Supabase's secret keys, bearer tokens, and `name=value` or
`"name": "value"` where the name says that the value is secret.
"""

import re

HIDDEN = "***"

# A bare `token` is not among them: the token of an attempt is no secret, and logs need it.
_NAME = (
    r"[\w-]{0,40}"
    r"(?:password|passwd|secret|(?:api|access|auth|refresh)[_-]?token|api[_-]?key|role[_-]?key)"
    r"[\w-]*"
)
_NAMES = re.compile(rf"{_NAME}|authorization", re.IGNORECASE)
_SECRETS = re.compile(
    r"(?P<address>\b[a-z][a-z0-9+.-]{1,30}://[^\s:/@]*:)[^\s/]+(?=@)"
    r"|\beyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?"
    r"|\bsb_secret_[\w-]+"
    r"|(?P<bearer>\b(?:Bearer|Authorization:\s*\w+)\s+)[\w.~+/=-]{6,}"
    rf"|(?P<name>\b{_NAME}[\"']?\s*[=:]\s*)(?:(?P<quote>[\"']).*?(?P=quote)|[^\s,;&\"']+)",
    re.IGNORECASE,
)
# What every secret contains, in lower case; the last four end access, auth and refresh tokens.
_HINTS = ("://", "eyj", "sb_secret_", "bearer", "authori", "passw", "secret", "api", "role")
_TOKEN_HINTS = ("_token", "-token", "stoken", "htoken")


def redact(text: str) -> str:
    """The text with each secret replaced by `***`."""
    return _SECRETS.sub(_hide, text) if may_hold_secrets(text) else text


def may_hold_secrets(text: str) -> bool:
    """A cheap look that misses none: most lines need no more."""
    lowered = text.lower()
    for hint in _HINTS:
        if hint in lowered:
            return True
    return "token" in lowered and any(hint in lowered for hint in _TOKEN_HINTS)


def names_a_secret(name: str) -> bool:
    """Whether what is called so should not be shown at all."""
    return _NAMES.fullmatch(name) is not None


def _hide(match: re.Match[str]) -> str:
    kept = match["address"] or match["bearer"] or match["name"] or ""
    quote = match["quote"] or ""
    return f"{kept}{quote}{HIDDEN}{quote}"
