"""The task of the schedule that `hourhand up` puts into a new embedded database."""

from hourhand import Run, task

SCHEDULE = {
    "name": "demo-hello",
    "task": "hello",
    "every": 10,
    "description": "Shows that everything works. Delete it when you have seen enough.",
}


@task("hello", max_attempts=1, timeout=10)
def hello(run: Run) -> str:
    """Say hello."""
    run.log.info("Hello from run {}", run.id)
    return "hello"
