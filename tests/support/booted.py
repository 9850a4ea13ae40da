"""A machine that systemd runs: this one's files under a layer of their own, booted in a container."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.programs import missing, program

_OUTCOME = "hourhand-probe.out"


@dataclass(frozen=True)
class Machine:
    """`root` is where its files are while it is being set up and after it was off."""

    root: Path

    def run(self, command: Sequence[str], *, timeout: float = 120) -> str:
        """Run a program on it before it is booted, with this machine's network."""
        done = subprocess.run(
            [*self._nspawn(), "--as-pid2", *command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def boot(self, probe: Sequence[str], *, timeout: float) -> str:
        """Boot it, run the probe as root when it is up, power it off; what the probe printed."""
        units = self.root / "etc/systemd/system"
        (units / "hourhand-probe.service").write_text(
            "[Unit]\nDescription=what is tested\n"
            "[Service]\nType=oneshot\n"
            f"ExecStart={' '.join(probe)}\n"
            "ExecStopPost=/bin/systemctl poweroff --no-block\n"
            f"TimeoutStartSec={timeout}\n"
            # What powering off has to say must not come over what the probe has said.
            f"StandardOutput=file:/{_OUTCOME}\nStandardError=journal\n"
        )
        wanted = units / "multi-user.target.wants"
        wanted.mkdir(exist_ok=True)
        (wanted / "hourhand-probe.service").symlink_to("/etc/systemd/system/hourhand-probe.service")
        done = subprocess.run(
            [*self._nspawn(), "--boot"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout + 30,
            check=False,
        )
        outcome = self.root / _OUTCOME
        assert outcome.exists(), done.stdout[-2000:] + done.stderr[-2000:]
        return outcome.read_text()

    def _nspawn(self) -> list[str]:
        options = ["--quiet", "--register=no", "--keep-unit", "--console=pipe", "--link-journal=no"]
        return [program("systemd-nspawn"), *options, "--directory", str(self.root)]


@contextmanager
def machine(directory: Path) -> Iterator[Machine]:
    """A copy of this machine, which is gone in the end. It needs root."""
    program("systemd-nspawn")
    if os.geteuid() != 0:
        missing("only root can boot a container")
    layer, root = directory / "layer", directory / "root"
    layer.mkdir()
    root.mkdir()
    _mount("-t", "tmpfs", "tmpfs", str(layer))
    try:
        (layer / "upper").mkdir()
        (layer / "work").mkdir()
        where = f"lowerdir=/,upperdir={layer / 'upper'},workdir={layer / 'work'}"
        _mount("-t", "overlay", "overlay", "-o", where, str(root))
        try:
            # Its own identity, and nothing of what this machine starts.
            (root / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")
            shutil.rmtree(root / "etc/systemd/system", ignore_errors=True)
            (root / "etc/systemd/system").mkdir(parents=True)
            yield Machine(root)
        finally:
            subprocess.run(["umount", "--recursive", str(root)], check=True)
    finally:
        subprocess.run(["umount", str(layer)], check=True)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)
