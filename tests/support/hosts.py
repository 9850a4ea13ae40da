"""Hosts of their own on this machine: network namespaces, each joined to it by a cable that can be pulled."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tests.support.programs import missing, program


@dataclass(frozen=True)
class Host:
    name: str
    cable: str
    here: str
    """The address of this machine, seen from there."""

    @property
    def within(self) -> Sequence[str]:
        """The beginning of a command that runs there."""
        return [program("ip"), "netns", "exec", self.name]

    def cut_off(self) -> None:
        _ip("link", "set", self.cable, "down")

    def join(self) -> None:
        _ip("link", "set", self.cable, "up")


@contextmanager
def hosts(count: int) -> Iterator[list[Host]]:
    """So many hosts. It needs root, and the program `ip`."""
    program("ip")
    if os.geteuid() != 0:
        missing("only root can make network namespaces")
    with ExitStack() as stack:
        yield [stack.enter_context(_host(number)) for number in range(count)]


@contextmanager
def _host(number: int) -> Iterator[Host]:
    unique = os.getpid() % 100_000
    name, cable, plug = f"hourhand-{unique}-{number}", f"hh{unique}h{number}", f"hh{unique}p{number}"
    net = f"10.{unique % 200 + 20}.{number}"
    _ip("netns", "add", name)
    try:
        _ip("link", "add", cable, "type", "veth", "peer", "name", plug)
        _ip("link", "set", plug, "netns", name)
        _ip("address", "add", f"{net}.1/24", "dev", cable)
        _ip("link", "set", cable, "up")
        inside = ["-n", name]
        _ip(*inside, "address", "add", f"{net}.2/24", "dev", plug)
        _ip(*inside, "link", "set", plug, "up")
        _ip(*inside, "link", "set", "lo", "up")
        yield Host(name, cable, f"{net}.1")
    finally:
        _ip("netns", "delete", name)  # and the cable with it


def _ip(*arguments: str) -> None:
    done = subprocess.run([program("ip"), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr}"
