"""A process that owns an embedded server: `python owner.py DATA_DIR`. It ends when its input does."""

import sys

from hourhand.embedded import Server
from hourhand.errors import HourhandError

try:
    with Server(sys.argv[1], fsync=False) as server:
        print(server.url, server.pid, flush=True)
        sys.stdin.read()
except HourhandError as error:
    sys.exit(f"{error} {error.hint}")
