"""The schemas of a catalog's entries: of a file (``FILE.yaml``), and of Odoo's rows."""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import (
    ValidationError,
    fields,
    post_load,
    validate,
    validates_schema,
)

from schemas.catalog_entries import (
    Catalog,
    Customer,
    Metric,
    Plan,
    Service,
    Subscription,
)
from schemas.catalog_fields import (
    Code,
    DayOrInstant,
    Number,
    Text,
    Timezone,
    Whole,
    instant_of,
)
from schemas.charges import ChargeSchema, EntrySchema

MODES: Final = ("shadow", "live")
AGGREGATIONS: Final = ("sum", "max", "last", "unique", "count")
ROUNDINGS: Final = ("none", "round", "ceil", "floor")
"""``round`` is half up."""
MAX_PRECISION: Final = 30
INTERVALS: Final = ("weekly", "monthly", "quarterly", "semiannual", "yearly")
ANCHORS: Final = ("calendar", "anniversary")
DEFAULT_GRACE_HOURS: Final = 48
MAX_GRACE_HOURS: Final = 8760
"""A year's."""


class ServiceSchema(EntrySchema):
    """``{code, name, mode}``; without a mode it keeps its own, a new one is shadow."""

    code = Code(required=True)
    name = Text(load_default=None)
    mode = fields.String(load_default=None, validate=validate.OneOf(MODES))

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Service:
        """The checked service."""
        return Service(**data)


class MetricSchema(EntrySchema):
    """``{code, name, aggregation, unit, rounding, rounding_precision}``.

    The name is the code by default. The precision is in digits after the point (-2:
    whole hundreds), and 0 by default.
    """

    code = Code(required=True)
    name = Text()
    aggregation = fields.String(required=True, validate=validate.OneOf(AGGREGATIONS))
    unit = Text(load_default="")
    rounding = fields.String(load_default="none", validate=validate.OneOf(ROUNDINGS))
    rounding_precision = Whole(-MAX_PRECISION, MAX_PRECISION, load_default=0)

    @validates_schema
    def check_precision(self, data: Mapping[str, Any], **_: Any) -> None:
        """A precision is that of a rounding."""
        if data["rounding_precision"] and data["rounding"] == "none":
            raise ValidationError("is not used without rounding", "rounding_precision")

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Metric:
        """The checked metric."""
        return Metric(**{**data, "name": data.get("name") or data["code"]})


class PlanSchema(EntrySchema):
    """``{code, name, interval, currency, price, grace_hours, charges}``.

    ``grace_hours``: how long after a period's end usage still counts in it.
    """

    code = Code(required=True)
    name = Text()
    interval = fields.String(required=True, validate=validate.OneOf(INTERVALS))
    currency = fields.String(
        required=True,
        validate=validate.Regexp(
            r"[A-Z]{3}\Z", error="is not three capital letters, such as CAD"
        ),
    )
    price = Number(required=True)
    grace_hours = Whole(0, MAX_GRACE_HOURS, load_default=DEFAULT_GRACE_HOURS)
    charges = fields.List(fields.Nested(ChargeSchema), load_default=list)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Plan:
        """The checked plan."""
        name = data.get("name") or data["code"]
        return Plan(**{**data, "name": name, "charges": tuple(data["charges"])})


class CustomerSchema(EntrySchema):
    """``{external_id, name, email}``; the name is the external id by default."""

    external_id = Code(required=True)
    name = Text()
    email = fields.Email(
        load_default=None, error_messages={"invalid": "is not an e-mail address"}
    )

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Customer:
        """The checked customer."""
        return Customer(**{**data, "name": data.get("name") or data["external_id"]})


class SubscriptionSchema(EntrySchema):
    """``{external_id, customer, plan, started_at, ended_at, timezone, anchor}``.

    A date stands for its first instant in the subscription's time zone; the end is the
    first instant that no longer belongs to it.
    """

    external_id = Code(required=True)
    customer = Code(required=True)
    plan = Code(required=True)
    started_at = DayOrInstant(required=True)
    ended_at = DayOrInstant(load_default=None)
    timezone = Timezone(load_default="UTC")
    anchor = fields.String(load_default="calendar", validate=validate.OneOf(ANCHORS))

    @validates_schema
    def check_end(self, data: Mapping[str, Any], **_: Any) -> None:
        """The end lies after the start."""
        zone, end = data["timezone"], data["ended_at"]
        if end and instant_of(end, zone) <= instant_of(data["started_at"], zone):
            raise ValidationError("is not after started_at", "ended_at")

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Subscription:
        """The checked subscription."""
        zone, end = data["timezone"], data["ended_at"]
        instants = {
            "started_at": instant_of(data["started_at"], zone),
            "ended_at": end and instant_of(end, zone),
        }
        return Subscription(**{**data, **instants})


class CatalogSchema(EntrySchema):
    """A whole file. Everything in it belongs to the one service."""

    service = fields.Nested(ServiceSchema, required=True)
    metrics = fields.List(fields.Nested(MetricSchema), load_default=list)
    plans = fields.List(fields.Nested(PlanSchema), load_default=list)
    customers = fields.List(fields.Nested(CustomerSchema), load_default=list)
    subscriptions = fields.List(fields.Nested(SubscriptionSchema), load_default=list)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Catalog:
        """The checked catalog; names across entries are ``schemas.catalog_file``'s."""
        service = data.pop("service")
        return Catalog(service, **{part: tuple(data[part]) for part in data})
