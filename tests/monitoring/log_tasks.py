"""Tasks that say much, for tests/monitoring/test_logs.py."""

import logging
import os
import sys
import time
from pathlib import Path

from loguru import logger

from hourhand import Run, task


@task("talk")
def talk(run: Run) -> None:
    run.log.info("said by the run")
    logger.info("said by loguru")
    mine = logger.add(os.environ["LOG_OF_MINE"])
    word = "hunter2"
    try:
        int(word[:0])
    except ValueError:
        logger.exception("with a sink of its own")
    logger.remove(mine)
    logging.getLogger("mine").warning("said by logging, password=hunter2")
    sys.stdout.flush()


@task("linger")
def linger(until: str) -> None:
    """Until that file is there."""
    while not Path(until).exists():
        time.sleep(0.02)
