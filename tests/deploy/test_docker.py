"""The steps of the Dockerfile, taken from it and run without Docker, under a directory instead of `/`."""

import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.support.programs import program

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy" / "docker" / "Dockerfile"
PATIENCE = 150.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2 * PATIENCE)]


def instructions() -> Iterator[tuple[str, str]]:
    """Each with its arguments, in one line."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text("utf-8"), flags=re.MULTILINE)
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        if line.strip():
            name, _, arguments = line.partition(" ")
            yield name, arguments.strip()


class Image:
    """What a build leaves: files below `root`, and what a container starts with."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "root"
        self.settings: dict[str, str] = {}
        """What else the Dockerfile says: USER, ENTRYPOINT, …"""
        self._stages: dict[str, Path] = {}
        steps = {
            "FROM": self._begin,
            "WORKDIR": self._work_in,
            "COPY": self._copy,
            "RUN": self._do,
            "ENV": self._set,
        }
        for name, arguments in instructions():
            if name in steps:
                steps[name](arguments)
            else:
                self.settings[name] = arguments

    def run(self, *command: str | Path, **environment: str) -> str:
        """In a container of this image."""
        done = subprocess.run(
            [str(part) for part in command],
            cwd=self._directory,
            env={**self._environment, **environment},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def _begin(self, arguments: str) -> None:
        """Every stage is built where the image will be, and then put aside: programs know where they are."""
        assert arguments.startswith("python:")
        if self.root.exists():
            [unfinished] = [name for name, place in self._stages.items() if place == self.root]
            self._stages[unfinished] = self.root.rename(self.root.with_name(unfinished))
        *_, name = arguments.split()
        self._stages[name] = self.root
        (self.root / "etc").mkdir(parents=True)
        for file in ("passwd", "group", "shadow"):
            (self.root / "etc" / file).touch()
        self._directory = self.root
        # With where packages come from, without what leads back to the checkout.
        self._environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("HOURHAND_", "PYTHON", "VIRTUAL_ENV", "UV_PROJECT"))
        }
        self._environment["PATH"] = f"{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/bin"

    def _work_in(self, arguments: str) -> None:
        self._directory = Path(self._below(arguments))
        self._directory.mkdir(parents=True, exist_ok=True)

    def _copy(self, arguments: str) -> None:
        *option, source, target = arguments.split()
        if option:
            stage = self._stages[option[0].removeprefix("--from=")]
            shutil.copytree(stage / source.lstrip("/"), self._below(target), symlinks=True)
        else:
            assert (source, target) == (".", ".")
            shutil.copytree(ROOT, self._directory, ignore=ignored, dirs_exist_ok=True)

    def _do(self, arguments: str) -> None:
        uv = program("uv")  # for pip: the same, with the downloads of before
        script = self._below(arguments)
        script = script.replace(
            f"{self.root}/venv/bin/pip install --no-cache-dir",
            f"{uv} pip install -q --python {self.root}/venv",
        )
        script = script.replace("useradd ", f"useradd --prefix {self.root} " if os.geteuid() == 0 else ": ")
        self.run("sh", "-euc", script)

    def _set(self, arguments: str) -> None:
        for name, value in re.findall(r"(\w+)=(\S+)", arguments):
            self._environment[name] = self._below(value).replace("$PATH", self._environment["PATH"])

    def _below(self, text: str) -> str:
        """With the paths of the image where they are here."""
        return re.sub(r"(?<![\w.])/(?=(venv|build|app)\b)", f"{self.root}/", text)


def ignored(directory: str, names: list[str]) -> set[str]:
    """What Dockerfile.dockerignore keeps out, and what git does not know: a checkout has its own environment."""
    patterns = Path(f"{DOCKERFILE}.dockerignore").read_text("utf-8").split()
    patterns += Path(ROOT, ".gitignore").read_text("utf-8").split()
    return {
        name
        for name in names
        for pattern in patterns
        if fnmatch.fnmatch(name, pattern.removeprefix("**/").strip("/"))
    }


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    return Image(tmp_path_factory.mktemp("image"))


def test_the_steps_leave_an_image_that_runs_everything(image: Image, database_url: str) -> None:
    [entrypoint] = json.loads(image.settings["ENTRYPOINT"])
    assert image.run(entrypoint, "--version").split()[-1] == version("hourhand")
    assert "Usage: hourhand" in image.run(entrypoint, *json.loads(image.settings["CMD"]))
    found = image.run("sh", "-c", f"command -v {entrypoint}").strip()
    assert found == str(image.root / "venv" / "bin" / "hourhand")

    settings = {"DATABASE_URL": database_url, "HOURHAND_TASKS": "greetings"}
    (image.root / "app" / "greetings.py").write_text(HELLO)
    made = "from hourhand import Client; Client().schedules.create('daily', 'greet', every=86400)"
    image.run("python", "-c", made, **settings)
    told = image.run(entrypoint, "tick", "--all", **settings)
    assert "Successful jobs: 1/1" in told, told


HELLO = """
from hourhand import task

@task("greet")
def greet() -> str:
    return "hello"
"""


def test_it_does_not_run_as_root(image: Image) -> None:
    user = image.settings["USER"]
    assert user.isdecimal()
    assert int(user) > 0
    if os.geteuid() == 0:
        [line] = (image.root / "etc" / "passwd").read_text().splitlines()
        assert line.split(":")[2] == user
    assert image.settings["STOPSIGNAL"] == "SIGTERM"
