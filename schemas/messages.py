"""What travels through the broker: queue names, task names, the batch message.

Publisher and workers share this module, so the two cannot drift apart. A queue is
named for what it holds.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from schemas.timestamps import EARLIEST_US, LATEST_US

USAGE_QUEUE = "usage-batches"
ODOO_QUEUE = "odoo-sync"
ODOO_READS_QUEUE = "odoo-reads"
"""What may take minutes, so that what keeps Odoo equal need not wait for it."""
WEBHOOK_QUEUE = "webhook-kicks"
QUEUES = (USAGE_QUEUE, ODOO_QUEUE, ODOO_READS_QUEUE, WEBHOOK_QUEUE)

FOLD_BATCH = "workers.tasks.fold_batch"
APPLY_PARKED = "workers.tasks.apply_parked"
REVIEW_PARKED = "workers.tasks.review_parked"
FREEZE_PERIODS = "workers.tasks.freeze_periods"
DELIVER_WEBHOOKS = "workers.tasks.deliver_webhooks"
PUSH_ROLLUPS = "odoo_bridge.tasks.push_rollups"
PULL_CATALOG = "odoo_bridge.tasks.pull_catalog"
TAKE_EVENTS = "odoo_bridge.tasks.take_events"
CLOSE_PERIODS = "odoo_bridge.tasks.close_periods"
CHECK_DRIFT = "odoo_bridge.tasks.check_drift"
CHECK_ODOO = "odoo_bridge.tasks.check_odoo"
SEND_CHANGES = "odoo_bridge.tasks.send_changes"

ROUTES = {
    FOLD_BATCH: USAGE_QUEUE,
    APPLY_PARKED: USAGE_QUEUE,
    REVIEW_PARKED: USAGE_QUEUE,
    FREEZE_PERIODS: USAGE_QUEUE,
    DELIVER_WEBHOOKS: WEBHOOK_QUEUE,
    PUSH_ROLLUPS: ODOO_QUEUE,
    PULL_CATALOG: ODOO_READS_QUEUE,
    TAKE_EVENTS: ODOO_QUEUE,
    CLOSE_PERIODS: ODOO_QUEUE,
    CHECK_DRIFT: ODOO_READS_QUEUE,
    CHECK_ODOO: ODOO_READS_QUEUE,
    SEND_CHANGES: ODOO_QUEUE,
}

MESSAGE_VERSION = 1
MAX_INT4 = 2**31 - 1


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
        message = BatchMessage(
            batch_id=str(UUID(body["batch_id"])),
            service_id=_whole(body["service_id"], MAX_INT4),
            received_at_us=_instant(body["received_at_us"]),
            received=_whole(body["received"], MAX_INT4),
            counters=tuple(_counter(*row) for row in body["counters"]),
            rejections=tuple(_rejection(*row) for row in body["rejections"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, MessageInvalid):
            raise
        raise MessageInvalid(f"not a batch message: {error!r}") from error
    indexes = [counter.index for counter in message.counters]
    indexes += [rejection.index for rejection in message.rejections]
    if sorted(indexes) != list(range(message.received)):
        raise MessageInvalid("its items are not numbered from 0 to received - 1")
    return message


def _counter(
    index: object,
    transaction_id: object,
    subscription: object,
    code: object,
    timestamp_us: object,
    value: object,
    members: object,
) -> Counter:
    if (value is None) == (members is None):
        raise MessageInvalid(f"item {index}: exactly one of value and members is set")
    return Counter(
        _whole(index, MAX_INT4),
        _text(transaction_id),
        _text(subscription),
        _text(code),
        _instant(timestamp_us),
        None if value is None else _text(value),
        None if members is None else _texts(members),
    )


def _rejection(index: object, transaction_id: object, reason: object) -> Rejection:
    named = None if transaction_id is None else _text(transaction_id)
    return Rejection(_whole(index, MAX_INT4), named, _text(reason))


def _whole(value: object, limit: int) -> int:
    if type(value) is not int or not 0 <= value <= limit:
        raise MessageInvalid(f"not a whole number from 0 to {limit}")
    return value


def _instant(value: object) -> int:
    if type(value) is not int or not EARLIEST_US <= value < LATEST_US:
        raise MessageInvalid("not microseconds of the years 2000 to 2099")
    return value


def _text(value: object) -> str:
    if type(value) is not str:
        raise MessageInvalid("not a text where one belongs")
    return value


def _texts(values: object) -> tuple[str, ...]:
    if not isinstance(values, list | tuple) or not values:
        raise MessageInvalid("not a list of members")
    return tuple(_text(value) for value in values)


def plain_number(number: Decimal) -> str:
    """A finite number as text without an exponent: ``Decimal("1E+3")`` → ``1000``."""
    return format(number, "f")
