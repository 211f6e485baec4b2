"""The Celery application of every worker, of beat and of Flower.

``celery -A workers.app worker|beat|flower``. The settings are read from the environment
when they are first needed, so importing this module needs none. Give each worker that
runs at the same time a name of its own (``-n``): by it a restarted worker takes back
what it held when it died.
"""

import ctypes
import logging
import os
import signal
import sys
from typing import Any, Final

from celery import Celery, signals

from schemas.broker import celery_settings
from schemas.logging import configure_logging
from schemas.settings import load_settings
from workers.beat import beat_schedule
from workers.redis_transport import register

TASK_MODULES: Final = ("workers.tasks", "odoo_bridge.tasks")
_PR_SET_PDEATHSIG: Final = 1
_main_process = os.getpid()

register()
app = Celery("fusion-billing")


@app.add_defaults
def _configuration() -> dict[str, Any]:
    settings = load_settings(os.environ)
    return {
        **celery_settings(settings, consumer=True),
        "imports": TASK_MODULES,
        "beat_schedule": beat_schedule(),
    }


@signals.celeryd_init.connect
def _name_consumer(sender: str, conf: Any, **_: Any) -> None:
    """Tell the Redis transport the node's name, by which it finds its own messages."""
    conf.broker_transport_options["consumer_name"] = sender


@signals.setup_logging.connect
def _configure_logging(**_: Any) -> None:
    """Keep Celery from setting up its own: it would log in another format."""
    configure_logging(load_settings(os.environ).log_level)
    for name in ("celery.worker.strategy", "celery.app.trace", "celery.beat"):
        logging.getLogger(name).setLevel(logging.WARNING)  # lines for each message


@signals.worker_init.connect
def _remember_main_process(**_: Any) -> None:
    global _main_process
    _main_process = os.getpid()


@signals.worker_process_init.connect
def die_with_worker(**_: Any) -> None:
    """Pool process: end by SIGKILL when the main process ends, however it ends.

    After ``kill -9`` of the main process, whose messages another worker then takes, an
    orphan must not go on working on them. Linux only; elsewhere it does nothing.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != _main_process:  # it died before the signal was set
        os.kill(os.getpid(), signal.SIGKILL)
