"""The example's tasks, in a registry of their own: tests share a process, and examples names of tasks."""

from hourhand import registry

with registry.isolated() as TASKS:
    import examples.stories.tasks  # noqa: F401
