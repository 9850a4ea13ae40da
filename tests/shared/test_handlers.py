"""Signals that reach a daemon before it has set its own handlers."""

import os
import signal
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from hourhand.cli import main
from hourhand_admin.web import serve
from hourhand_scheduler import daemon as scheduler
from hourhand_worker import daemon as worker

DAEMONS = {"admin": serve, "scheduler": scheduler, "worker": worker}
Invoke = Callable[[str, Callable[[], None]], Result]

NUMBERS = [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM, signal.SIGINT]


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """The command of a daemon that does only this."""

    def invoke(arguments: str, body: Callable[[], None]) -> Result:
        name, *_ = arguments.split()
        monkeypatch.setattr(DAEMONS[name], "run", lambda *_, **__: body())
        return CliRunner().invoke(main, arguments)

    return invoke


@pytest.mark.parametrize("name", DAEMONS)
@pytest.mark.parametrize("number", NUMBERS[:3])
def test_what_asks_for_something_else_does_not_end_it(
    name: str, number: signal.Signals, invoke: Invoke
) -> None:
    begun: list[bool] = []

    def body() -> None:
        os.kill(os.getpid(), number)
        begun.append(True)

    result = invoke(name, body)
    assert (result.exit_code, result.output, begun) == (0, "", [True])


@pytest.mark.parametrize("name", DAEMONS)
@pytest.mark.parametrize("number", NUMBERS[3:])
def test_what_stops_it_ends_it_in_order_with_a_sentence(
    name: str, number: signal.Signals, invoke: Invoke
) -> None:
    closed: list[bool] = []

    def body() -> None:
        try:
            os.kill(os.getpid(), number)
        finally:
            closed.append(True)

    before = [signal.getsignal(each) for each in NUMBERS]
    result = invoke(name, body)
    assert (result.exit_code, closed) == (0, [True])
    assert result.stderr == "Stopped, as it was told to.\n"
    assert [signal.getsignal(each) for each in NUMBERS] == before


@pytest.mark.parametrize("command", ["scheduler --once", "worker --once", "worker --drain"])
def test_a_pass_that_was_stopped_has_not_succeeded(command: str, invoke: Invoke) -> None:
    result = invoke(command, lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert result.exit_code == 130
