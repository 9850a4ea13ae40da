"""The built-in task `hourhand.check`, by which `hourhand doctor --test-pipeline` sees that runs go through.

    {"word": "4c1e"}

Every worker knows it. It writes the word to the log of its run, and returns it.
"""

from hourhand.run import Run
from hourhand.tasks import Task

NAME = "hourhand.check"


def say_and_return(word: str, run: Run) -> dict[str, str]:
    run.log.info("{}", word)
    return {"word": word}


check = Task(
    say_and_return, NAME, max_attempts=1, timeout=60, description="See that runs go through: say a word."
)
