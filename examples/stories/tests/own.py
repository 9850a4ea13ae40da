"""The tasks of the example, in a registry of their own: the tests of all examples share a process."""

from hourhand import registry

with registry.isolated() as TASKS:
    import examples.stories.tasks  # noqa: F401
