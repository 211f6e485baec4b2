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
    MetricFilter,
    Plan,
    Service,
    Subscription,
    Threshold,
)
from schemas.catalog_fields import (
    Code,
    DayOrInstant,
    LongText,
    Number,
    Text,
    Timezone,
    Whole,
    instant_of,
)
from schemas.charge_terms import MAX_KEYS, MAX_VALUES, Distinct
from schemas.charges import ChargeSchema
from schemas.entry_schema import EntrySchema

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
MAX_THRESHOLDS: Final = 100


class ServiceSchema(EntrySchema):
    """``{code, name, mode}``; without a mode it keeps its own, a new one is shadow."""

    code = Code(required=True)
    name = Text(load_default=None)
    mode = fields.String(load_default=None, validate=validate.OneOf(MODES))

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Service:
        """The checked service."""
        return Service(**data)


class MetricFilterSchema(EntrySchema):
    """``{key, values}``: a property of counters, and what charges may tell apart."""

    key = Code(required=True)
    values = Distinct(1, MAX_VALUES, required=True)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> MetricFilter:
        """The checked filter."""
        return MetricFilter(data["key"], tuple(data["values"]))


class MetricSchema(EntrySchema):
    """``{code, name, aggregation, unit, rounding, rounding_precision, field_name,
    description, filters, archived}``.

    The name is the code by default. The precision is in digits after the point (-2:
    whole hundreds), and 0 by default. ``field_name``: the property that holds the value
    of an event that has no value of its own.
    """

    code = Code(required=True)
    name = Text()
    aggregation = fields.String(required=True, validate=validate.OneOf(AGGREGATIONS))
    unit = Text(load_default="")
    rounding = fields.String(load_default="none", validate=validate.OneOf(ROUNDINGS))
    rounding_precision = Whole(-MAX_PRECISION, MAX_PRECISION, load_default=0)
    field_name = Code(load_default=None)
    description = LongText(load_default="")
    filters = fields.List(
        fields.Nested(MetricFilterSchema),
        load_default=list,
        validate=validate.Length(max=MAX_KEYS),
    )
    archived = fields.Boolean(load_default=False)

    @validates_schema
    def check_precision(self, data: Mapping[str, Any], **_: Any) -> None:
        """A precision is that of a rounding."""
        if data["rounding_precision"] and data["rounding"] == "none":
            raise ValidationError("is not used without rounding", "rounding_precision")
        keys = [entry.key for entry in data["filters"]]
        if len(set(keys)) < len(keys):
            raise ValidationError("have a key twice", "filters")

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Metric:
        """The checked metric."""
        name, filters = data.get("name") or data["code"], tuple(data["filters"])
        return Metric(**{**data, "name": name, "filters": filters})


class ThresholdSchema(EntrySchema):
    """``{amount, recurring, name}``, the amount in the plan's currency."""

    amount = Number(required=True)
    recurring = fields.Boolean(load_default=False)
    name = Text(load_default="")

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Threshold:
        """The checked threshold."""
        if not data["amount"]:
            raise ValidationError("is not greater than 0", "amount")
        return Threshold(**data)


class PlanSchema(EntrySchema):
    """``{code, name, interval, currency, price, grace_hours, charges, description,
    usage_thresholds, archived}``.

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
    description = LongText(load_default="")
    usage_thresholds = fields.List(
        fields.Nested(ThresholdSchema),
        load_default=list,
        validate=validate.Length(max=MAX_THRESHOLDS),
    )
    archived = fields.Boolean(load_default=False)

    @validates_schema
    def check_thresholds(self, data: Mapping[str, Any], **_: Any) -> None:
        """Each amount once, of those that recur one."""
        thresholds = data["usage_thresholds"]
        if len({(t.amount, t.recurring) for t in thresholds}) < len(thresholds):
            raise ValidationError("have an amount twice", "usage_thresholds")
        if sum(threshold.recurring for threshold in thresholds) > 1:
            raise ValidationError("recur in more than one", "usage_thresholds")

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Plan:
        """The checked plan."""
        lists = {name: tuple(data[name]) for name in ("charges", "usage_thresholds")}
        return Plan(**{**data, **lists, "name": data.get("name") or data["code"]})


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
