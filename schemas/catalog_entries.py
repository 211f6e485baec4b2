"""What a catalog is made of, as checked values."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True)
class Service:
    """``name`` and ``mode`` None: as they are, or for a new service code and shadow."""

    code: str
    name: str | None
    mode: str | None


@dataclass(frozen=True)
class Metric:
    """What is counted, how counters fold, and how what they fold to is rounded.

    ``rounding_precision``: digits after the point; negative: tens, hundreds.
    """

    code: str
    name: str
    aggregation: str
    unit: str
    rounding: str
    rounding_precision: int


@dataclass(frozen=True)
class Tier:
    """Units up to and including ``up_to`` (None: all the rest)."""

    up_to: Decimal | None
    unit_price: Decimal
    flat_price: Decimal


@dataclass(frozen=True)
class Charge:
    """How a plan prices a metric; money in whole units of the plan's currency.

    ``minimum``: the least amount per period.
    """

    metric: str
    model: str
    included: Decimal
    price: Decimal
    package_size: Decimal | None
    tiers: tuple[Tier, ...]
    minimum: Decimal


@dataclass(frozen=True)
class Plan:
    """A price per interval, and charges for what is used.

    ``grace_hours``: how long after a period's end usage still counts in it.
    """

    code: str
    name: str
    interval: str
    currency: str
    price: Decimal
    grace_hours: int
    charges: tuple[Charge, ...]


@dataclass(frozen=True)
class Customer:
    """A client of the service."""

    external_id: str
    name: str
    email: str | None


@dataclass(frozen=True)
class Subscription:
    """A customer on a plan, in ``[started_at, ended_at)``; instants in UTC."""

    external_id: str
    customer: str
    plan: str
    started_at: datetime
    ended_at: datetime | None
    timezone: str
    anchor: str


@dataclass(frozen=True)
class Catalog:
    """All that one file says about one service."""

    service: Service
    metrics: tuple[Metric, ...]
    plans: tuple[Plan, ...]
    customers: tuple[Customer, ...]
    subscriptions: tuple[Subscription, ...]
