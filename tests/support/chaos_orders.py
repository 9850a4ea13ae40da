"""A client that places orders: runs with keys, each asked for until it is acknowledged."""

import random
import threading
from collections import defaultdict
from typing import Self

from hourhand import Client
from hourhand.errors import HourhandError

PAUSE = 0.1
TASKS = ["touch", "linger", "stumble", "touch"]


class Orders(threading.Thread):
    """Places orders while inside. Some are repeated although they were acknowledged."""

    def __init__(self, url: str, patience: float = 2.0) -> None:
        super().__init__(name="orders", daemon=True)
        self._client = Client(url, patience=patience)
        self._stopping = threading.Event()
        self.acknowledged: dict[str, list[int]] = defaultdict(list)
        """By key, the run that each acknowledgement named."""
        self.errors = 0

    def run(self) -> None:
        with self._client as client:
            number = 0
            while not self._stopping.wait(PAUSE):
                number += 1
                for _ in range(random.choice([1, 1, 1, 2])):
                    self._place(client, TASKS[number % len(TASKS)], f"order-{number}")

    def _place(self, client: Client, task: str, key: str) -> None:
        while True:
            try:
                run = client.enqueue(task, key=key, key_scope="orders").id
            except HourhandError:
                self.errors += 1
            else:
                self.acknowledged[key].append(run)
                return

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """The order under way is still placed."""
        self._stopping.set()
        self.join(60)
        assert not self.is_alive()
