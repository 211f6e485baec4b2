"""What travels through the broker: queue names, task names, what a batch is.

Publisher and workers share this module, so the two cannot drift apart. A queue is
named for what it holds.
"""

from dataclasses import dataclass
from decimal import Decimal

USAGE_QUEUE = "usage-batches"
ODOO_QUEUE = "odoo-sync"
ODOO_READS_QUEUE = "odoo-reads"
"""What may take minutes, so that what keeps Odoo equal need not wait for it."""
WEBHOOK_QUEUE = "webhook-kicks"
QUEUES = (USAGE_QUEUE, ODOO_QUEUE, ODOO_READS_QUEUE, WEBHOOK_QUEUE)

FOLD_BATCH = "workers.tasks.fold_batch"
APPLY_PARKED = "workers.tasks.apply_parked"
REVIEW_PARKED = "workers.tasks.review_parked"
FOLLOW_SUBSCRIPTIONS = "workers.tasks.follow_subscriptions"
CHECK_THRESHOLDS = "workers.tasks.check_thresholds"
FREEZE_PERIODS = "workers.tasks.freeze_periods"
DELIVER_WEBHOOKS = "workers.tasks.deliver_webhooks"
PUSH_ROLLUPS = "odoo_bridge.tasks.push_rollups"
PULL_CATALOG = "odoo_bridge.tasks.pull_catalog"
TAKE_EVENTS = "odoo_bridge.tasks.take_events"
CLOSE_PERIODS = "odoo_bridge.tasks.close_periods"
CHECK_DRIFT = "odoo_bridge.tasks.check_drift"
CHECK_ODOO = "odoo_bridge.tasks.check_odoo"
SEND_CHANGES = "odoo_bridge.tasks.send_changes"
FETCH_DOCUMENTS = "odoo_bridge.tasks.fetch_documents"

ROUTES = {
    FOLD_BATCH: USAGE_QUEUE,
    APPLY_PARKED: USAGE_QUEUE,
    REVIEW_PARKED: USAGE_QUEUE,
    FOLLOW_SUBSCRIPTIONS: USAGE_QUEUE,
    CHECK_THRESHOLDS: USAGE_QUEUE,
    FREEZE_PERIODS: USAGE_QUEUE,
    DELIVER_WEBHOOKS: WEBHOOK_QUEUE,
    PUSH_ROLLUPS: ODOO_QUEUE,
    PULL_CATALOG: ODOO_READS_QUEUE,
    TAKE_EVENTS: ODOO_QUEUE,
    CLOSE_PERIODS: ODOO_QUEUE,
    CHECK_DRIFT: ODOO_READS_QUEUE,
    CHECK_ODOO: ODOO_READS_QUEUE,
    SEND_CHANGES: ODOO_QUEUE,
    FETCH_DOCUMENTS: ODOO_READS_QUEUE,
}

MAX_INT4 = 2**31 - 1


class MessageInvalid(ValueError):
    """The message is not one of ours; it can never be applied, however often tried."""


@dataclass(frozen=True)
class Counter:
    """One pushed aggregate, checked at the edge.

    ``index`` is its place in the batch as pushed. ``timestamp_us`` is microseconds
    since 1970 UTC. ``value`` is the text of a number (or a member, for a ``unique``
    metric); ``members`` are the members of a list; one of the two is set, or neither
    when the metric says which of the ``properties`` is the value. These are the text of
    a JSON object (schemas/properties.py). ``timestamp_given``: False when the app gave
    none, and ours is that of the arrival.
    """

    index: int
    transaction_id: str
    external_subscription_id: str
    code: str
    timestamp_us: int
    value: str | None
    members: tuple[str, ...] | None
    properties: str | None = None
    timestamp_given: bool = True

    @property
    def is_plain(self) -> bool:
        """Whether a message of the first version can hold it."""
        return (
            self.properties is None
            and self.timestamp_given
            and (self.value is not None or self.members is not None)
        )


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


def plain_number(number: Decimal) -> str:
    """A finite number as text without an exponent: ``Decimal("1E+3")`` → ``1000``."""
    return format(number, "f")
