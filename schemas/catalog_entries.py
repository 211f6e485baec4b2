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
class MetricFilter:
    """A property of counters by which charges may tell usage apart, and its values."""

    key: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Metric:
    """What is counted, how counters fold, and how what they fold to is rounded.

    ``rounding_precision``: digits after the point; negative: tens, hundreds.
    ``field_name``: the property that holds an event's value. ``archived``: nothing new
    is charged by it.
    """

    code: str
    name: str
    aggregation: str
    unit: str
    rounding: str
    rounding_precision: int
    field_name: str | None = None
    description: str = ""
    filters: tuple[MetricFilter, ...] = ()
    archived: bool = False


@dataclass(frozen=True)
class Tier:
    """Units up to and including ``up_to`` (None: all the rest)."""

    up_to: Decimal | None
    unit_price: Decimal
    flat_price: Decimal


@dataclass(frozen=True)
class ChargeFilter:
    """Other terms for usage whose properties have one of the values of every key.

    ``values``: key and its values, by key. The charge model is the charge's.
    """

    values: tuple[tuple[str, tuple[str, ...]], ...]
    included: Decimal
    price: Decimal
    package_size: Decimal | None
    tiers: tuple[Tier, ...]
    fixed: Decimal
    free_events: int
    group_keys: tuple[str, ...]
    name: str = ""


@dataclass(frozen=True)
class Charge:
    """How a plan prices a metric; money in whole units of the plan's currency.

    ``minimum``: the least amount per period. ``fixed``: of a percentage charge, per
    event over ``free_events``. ``group_keys``: properties by whose values units are
    priced apart. ``filters``: terms of parts of the usage, the first that fits best.
    """

    metric: str
    model: str
    included: Decimal
    price: Decimal
    package_size: Decimal | None
    tiers: tuple[Tier, ...]
    minimum: Decimal
    display_name: str = ""
    fixed: Decimal = Decimal(0)
    free_events: int = 0
    group_keys: tuple[str, ...] = ()
    filters: tuple[ChargeFilter, ...] = ()


@dataclass(frozen=True)
class Threshold:
    """An amount of usage in a period that the app is told of when it is reached.

    ``recurring``: again at each further amount of it.
    """

    amount: Decimal
    recurring: bool
    name: str = ""


@dataclass(frozen=True)
class Plan:
    """A price per interval, and charges for what is used.

    ``grace_hours``: how long after a period's end usage still counts in it.
    ``archived``: there are no new subscriptions of it.
    """

    code: str
    name: str
    interval: str
    currency: str
    price: Decimal
    grace_hours: int
    charges: tuple[Charge, ...]
    description: str = ""
    usage_thresholds: tuple[Threshold, ...] = ()
    archived: bool = False


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
