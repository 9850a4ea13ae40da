"""Rows that somebody wrote by hand: whatever passes the checks of the tables spoils no other run."""

import json

import pytest

from tests.support import eventually
from tests.support.chaos import Site

pytestmark = pytest.mark.slow

ROWS = {
    "a payload that is no object": "('exact', '[1, 2, 3]', default, default)",
    "null": "('exact', 'null', default, default)",
    "another type": """('exact', '{"n": "three"}', default, default)""",
    "a field too many": """('exact', '{"n": 3, "run": 4, "self": 5}', default, default)""",
    "a name that is empty": """('exact', '{"": 3}', default, default)""",
    "more digits than a float has": "('exact', '{\"n\": %s}', default, default)" % ("9" * 308),
    "a number that no float can hold": "('exact', '{\"n\": 1e400}', default, default)",
    "digits after the point": "('exact', '{\"n\": 0.%s}', default, default)" % ("1" * 300),
    "a deep one": "('exact', '%s%s', default, default)" % ("[" * 64, "]" * 64),
    "a deep one in short": "('exact', '%s%s', default, default)" % ("[" * 64, "]" * 64),
    "a surrogate pair": """('exact', '{"n": "\\ud83d\\ude00"}', default, default)""",
    "a control character": """('exact', '{"n": "\\u0001\\u001b[31m"}', default, default)""",
    "without an end of time": "('exact', '{\"n\": 1}', 'infinity', default)",
    "ages of time": "('exact', '{\"n\": 1}', '178000000 years', default)",
    "long before our time": "('exact', '{\"n\": 1}', default, '4713-01-01 BC')",
    "long after our time": "('exact', '{\"n\": 1}', default, '20000-01-01')",
}
