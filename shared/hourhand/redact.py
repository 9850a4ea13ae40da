"""Take secrets out of text that is logged, shown or stored.

Known shapes only: passwords in addresses, JWTs, Supabase's secret keys, bearer tokens, and `name=value` or
`"name": "value"` where the name says that the value is secret.
"""

import re

HIDDEN = "***"

# A bare `token` is not among them: the token of an attempt is no secret, and logs need it.
_NAME = (
    r"[\w-]{0,40}(?:password|passwd|secret|(?:api|access|auth|refresh)[_-]?token|api[_-]?key|role[_-]?key)[\w-]*"
)
_SECRETS = re.compile(
    r"(?P<address>\b[a-z][a-z0-9+.-]{1,30}://[^\s:/@]*:)[^\s/]+(?=@)"
    r"|\beyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?"
    r"|\bsb_secret_[\w-]+"
    r"|(?P<bearer>\b(?:Bearer|Authorization:\s*\w+)\s+)[\w.~+/=-]{6,}"
    rf"|(?P<name>\b{_NAME}[\"']?\s*[=:]\s*)(?:(?P<quote>[\"']).*?(?P=quote)|[^\s,;&\"']+)",
    re.IGNORECASE,
)
# What every secret contains, in lower case: most lines need no more than this look.
_HINTS = ("://", "eyj", "sb_secret_", "bearer", "authori", "passw", "secret", "token", "key")


def redact(text: str) -> str:
    lowered = text.lower()
    if any(hint in lowered for hint in _HINTS):
        return _SECRETS.sub(_hide, text)
    return text


def _hide(match: re.Match[str]) -> str:
    kept = match["address"] or match["bearer"] or match["name"] or ""
    quote = match["quote"] or ""
    return f"{kept}{quote}{HIDDEN}{quote}"
