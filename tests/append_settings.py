"""What the append worker and its tests share: the real settings, and two constants.

Apart from the worker's module, since an app whose settings come from the environment
is for a process of its own: whoever looks at a shared task while such an app is
current, pytest's collection among them, finalizes it, by settings that are not there.
"""

from collections.abc import Mapping
from typing import Any

from schemas.broker import celery_settings
from schemas.settings import load_settings

POISON = "poison"
DELIVERY_LIMIT = 4


def append_settings(environ: Mapping[str, str], *, consumer: bool) -> dict[str, Any]:
    """The real settings; on RabbitMQ with a delivery limit that a test can reach."""
    settings = celery_settings(load_settings(environ), consumer=consumer)
    for queue in settings["task_queues"]:
        if "x-delivery-limit" in queue.queue_arguments:
            queue.queue_arguments["x-delivery-limit"] = DELIVERY_LIMIT
    return settings
