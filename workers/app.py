"""The Celery application of every worker, of beat and of Flower.

``celery -A workers.app worker|beat|flower``. The settings are read from the environment
when they are first needed, so importing this module needs none. Give each worker that
runs at the same time a name of its own (``-n``): by it a restarted worker takes back
what it held when it died.
"""

import logging
import os
import signal
from typing import Any, Final

from celery import Celery, signals

from schemas.broker import celery_settings
from schemas.logging import configure_logging
from schemas.settings import load_settings
from workers.beat import beat_schedule
from workers.parent_death import die_with_parent
from workers.redis_transport import register

TASK_MODULES: Final = ("workers.tasks", "odoo_bridge.tasks")
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
    orphan must not go on working on them.
    """
    die_with_parent(signal.SIGKILL, _main_process)
