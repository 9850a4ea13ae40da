"""A task for the tests of the role."""

from hourhand import task


@task("greet")
def greet() -> str:
    return "hello"
