"""What travels through the broker: queue names, task names, the batch message.

Publisher and workers share this module, so the two cannot drift apart. A queue is
named for what it holds.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

USAGE_QUEUE = "usage-batches"
ODOO_QUEUE = "odoo-sync"
WEBHOOK_QUEUE = "webhook-kicks"
QUEUES = (USAGE_QUEUE, ODOO_QUEUE, WEBHOOK_QUEUE)

FOLD_BATCH = "workers.tasks.fold_batch"
APPLY_PARKED = "workers.tasks.apply_parked"
DELIVER_WEBHOOKS = "workers.tasks.deliver_webhooks"
PUSH_ROLLUPS = "odoo_bridge.tasks.push_rollups"
PULL_CATALOG = "odoo_bridge.tasks.pull_catalog"

ROUTES = {
    FOLD_BATCH: USAGE_QUEUE,
    APPLY_PARKED: USAGE_QUEUE,
    DELIVER_WEBHOOKS: WEBHOOK_QUEUE,
    PUSH_ROLLUPS: ODOO_QUEUE,
    PULL_CATALOG: ODOO_QUEUE,
}

MESSAGE_VERSION = 1


class MessageInvalid(ValueError):
    """The message is not one of ours; it can never be applied, however often tried."""


@dataclass(frozen=True)
class Counter:
    """One pushed aggregate, checked at the edge.

    ``index`` is its place in the batch as pushed. ``timestamp_us`` is microseconds
    since 1970 UTC. ``value`` is the text of a number (or a member, for a ``unique``
    metric); ``members`` are the members of a list; exactly one of the two is set.
    """

    index: int
    transaction_id: str
    external_subscription_id: str
    code: str
    timestamp_us: int
    value: str | None
    members: tuple[str, ...] | None


@dataclass(frozen=True)
class Rejection:
    """One item refused at the edge: its place in the batch and why."""

    index: int
    transaction_id: str | None
    reason: str


@dataclass(frozen=True)
class BatchMessage:
    """One batch on its way to the ledger. ``received_at_us``: as in Counter."""

    batch_id: str
    service_id: int
    received_at_us: int
    received: int
    counters: tuple[Counter, ...]
    rejections: tuple[Rejection, ...]


def encode_batch(message: BatchMessage) -> dict[str, Any]:
    """The batch as plain JSON values, counters as rows to keep the message small."""
    return {
        "version": MESSAGE_VERSION,
        "batch_id": message.batch_id,
        "service_id": message.service_id,
        "received_at_us": message.received_at_us,
        "received": message.received,
        "counters": [
            [
                c.index,
                c.transaction_id,
                c.external_subscription_id,
                c.code,
                c.timestamp_us,
                c.value,
                c.members,
            ]
            for c in message.counters
        ],
        "rejections": [
            [r.index, r.transaction_id, r.reason] for r in message.rejections
        ],
    }


def decode_batch(body: Any) -> BatchMessage:
    """The batch back from JSON values. Raises MessageInvalid when it is not one."""
    try:
        if body["version"] != MESSAGE_VERSION:
            raise MessageInvalid(
                f"message version {body['version']!r} is not {MESSAGE_VERSION}: a "
                "newer API talks to an older worker; upgrade the workers, then replay"
            )
        return BatchMessage(
            batch_id=str(body["batch_id"]),
            service_id=int(body["service_id"]),
            received_at_us=int(body["received_at_us"]),
            received=int(body["received"]),
            counters=tuple(
                Counter(
                    i,
                    tid,
                    sub,
                    code,
                    int(at),
                    value,
                    None if members is None else tuple(members),
                )
                for i, tid, sub, code, at, value, members in body["counters"]
            ),
            rejections=tuple(Rejection(*row) for row in body["rejections"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, MessageInvalid):
            raise
        raise MessageInvalid(f"not a batch message: {error!r}") from error


def plain_number(number: Decimal) -> str:
    """A finite number as text without an exponent: ``Decimal("1E+3")`` → ``1000``."""
    return format(number, "f")
