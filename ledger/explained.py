"""What an explanation of a bill is made of."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from ledger.charge import Charge
from ledger.periods import Period, Terms
from ledger.rating import Correction, Rating


class SubscriptionUnknown(LookupError):
    """No service that was asked for has such a subscription."""


class SubscriptionAmbiguous(LookupError):
    """Several services have one; ``services`` are their codes."""

    def __init__(self, services: list[str]) -> None:
        super().__init__(", ".join(services))
        self.services = services


class RatingUnreadable(ValueError):
    """What a frozen line of this metric keeps of its rating is none."""


@dataclass(frozen=True)
class Subject:
    """The subscription that is explained, by its external ids, and whose it is."""

    id: int
    service: str
    external_id: str
    customer: str
    customer_name: str
    created_at: datetime
    terms: Terms


@dataclass(frozen=True)
class ExplainedLine:
    """A line of a bill; ``usage`` is the period that a correction corrects, else None.

    ``quantity`` and ``base`` are not rounded; ``counters`` is how many came here.
    """

    metric_id: int
    metric: str
    aggregation: str
    usage_start: datetime
    usage: Period | None
    quantity: Decimal
    base: Decimal
    counters: int
    charge: Charge | None
    currency: str
    rating: Rating | Correction


@dataclass(frozen=True)
class Invoicing:
    """Where a frozen period is billed: see ledger.closing.

    ``status``: due, with the reason that it waits for; shadow: nowhere; or what Odoo
    said at last, with its invoice's id and when.
    """

    status: str
    invoice_id: int | None
    reason: str | None
    closed_at: datetime | None


@dataclass(frozen=True)
class ExplainedBill:
    """A period and what it comes to.

    Frozen ones have ``frozen_at``, their seal when it was taken, the file of their
    counters when they were archived, and their invoice; others freeze from
    ``grace_until`` on.
    """

    period: Period
    plan: str
    currency: str
    lines: tuple[ExplainedLine, ...]
    failure: str | None = None
    grace_until: datetime | None = None
    frozen_at: datetime | None = None
    seal: bytes | None = None
    archived_at: datetime | None = None
    file_name: str | None = None
    invoicing: Invoicing | None = None


@dataclass(frozen=True)
class TracedCounter:
    """A counter with the item of the batch that brought it, and how it was taken back.

    ``entered`` and ``voided_in`` begin the periods whose bills it came into and left.
    """

    transaction_id: str
    occurred_at: datetime
    value: Decimal | None
    members: list[str] | None
    batch_id: UUID
    item_index: int
    received_at: datetime | None
    outcome: str | None
    entered: datetime
    voided_in: datetime | None
    voided_at: datetime | None
    voided_by: str | None
    reason: str | None
