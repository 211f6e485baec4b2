"""A Celery app for tests: the real broker side, and one task that appends to a file.

Run by ``celery -A tests.append_worker:app worker`` with the variables of
``broker_environment`` and APPEND_FILE. The task goes by the name of a real one, so that
the real routes carry it.
"""

import os
import threading
from pathlib import Path
from typing import Any

from celery import Celery

import workers.app  # noqa: F401 - its signal receivers and transport are under test
from schemas.messages import FOLD_BATCH
from tests.append_settings import POISON, append_settings

WORK_SECONDS = 0.005

app = Celery("append")


@app.add_defaults
def _configuration() -> dict[str, Any]:
    return append_settings(os.environ, consumer=True)


@app.task(name=FOLD_BATCH)
def append(line: str) -> None:
    """Append one line, after a little work; a poison ends its process."""
    if line == POISON:
        os._exit(1)
    threading.Event().wait(WORK_SECONDS)
    with Path(os.environ["APPEND_FILE"]).open("a") as file:
        file.write(f"{line}\n")
