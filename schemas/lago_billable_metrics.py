"""Billable metrics: what Lago's clients write and read."""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from schemas.answers import MetaSchema
from schemas.catalog import MAX_PRECISION
from schemas.catalog_fields import Whole
from schemas.charge_terms import MAX_KEYS, MAX_VALUES
from schemas.lago_catalog_fields import (
    LagoSchema,
    Lines,
    NameCode,
    NameText,
    Only,
    some,
)

AGGREGATION_TYPES: Final = {
    "sum_agg": "sum",
    "max_agg": "max",
    "latest_agg": "last",
    "unique_count_agg": "unique",
    "count_agg": "count",
}
ROUNDING_FUNCTIONS: Final = ("round", "ceil", "floor")

_ONE_OF: Final = "value_is_invalid: must be one of {choices}"


class MetricFilterSchema(LagoSchema):
    """``{key, values}``: a property that charges may tell apart, and its values."""

    key = NameCode(required=True)
    values = fields.List(
        NameCode(),
        required=True,
        validate=some(MAX_VALUES),
    )


class MetricChangeSchema(LagoSchema):
    """A change of a metric: what is absent stays as it is."""

    name = NameText()
    code = NameCode()
    description = Lines()
    aggregation_type = fields.String(
        validate=validate.OneOf(AGGREGATION_TYPES, error=_ONE_OF)
    )
    field_name = NameCode()
    rounding_function = fields.String(
        validate=validate.OneOf((*ROUNDING_FUNCTIONS, ""), error=_ONE_OF),
        metadata={"description": 'Empty ("") for none.'},
    )
    rounding_precision = Whole(-MAX_PRECISION, MAX_PRECISION)
    filters = fields.List(
        fields.Nested(MetricFilterSchema), validate=validate.Length(max=MAX_KEYS)
    )
    recurring = Only(
        "units are counted anew in every period; push them again in the next one"
    )
    weighted_interval = Only("there is no weighted sum here; push what it comes to")
    expression = Only("there are no expressions; send the value in the property")

    @validates_schema
    def check_filters(self, data: Mapping[str, Any], **_: Any) -> None:
        """Each key once, and of each key each value."""
        filters = data.get("filters") or []
        keys = [each["key"] for each in filters]
        if len(set(keys)) < len(keys):
            raise ValidationError("value_is_invalid: has a key twice", "filters")
        if any(len(set(each["values"])) < len(each["values"]) for each in filters):
            raise ValidationError("value_is_invalid: has a value twice", "filters")


class NewMetricSchema(MetricChangeSchema):
    """A new metric."""

    name = NameText(required=True)
    code = NameCode(required=True)
    aggregation_type = fields.String(
        required=True, validate=validate.OneOf(AGGREGATION_TYPES, error=_ONE_OF)
    )


class NewMetricRequestSchema(Schema):
    """The body that makes a metric."""

    billable_metric = fields.Nested(NewMetricSchema, required=True)


class MetricChangeRequestSchema(Schema):
    """The body that changes a metric."""

    billable_metric = fields.Nested(MetricChangeSchema, required=True)


class MetricFilterAnswerSchema(Schema):
    """A filter of a metric."""

    key = fields.String(required=True)
    values = fields.List(fields.String(), required=True)


class BillableMetricSchema(Schema):
    """A metric, as Lago's clients read it."""

    lago_id = fields.UUID(required=True)
    name = fields.String(required=True)
    code = fields.String(required=True)
    description = fields.String(required=True)
    aggregation_type = fields.String(
        required=True, validate=validate.OneOf(AGGREGATION_TYPES)
    )
    weighted_interval = fields.String(required=True, allow_none=True)
    recurring = fields.Boolean(required=True)
    rounding_function = fields.String(required=True, allow_none=True)
    rounding_precision = fields.Integer(required=True, allow_none=True)
    expression = fields.String(required=True, allow_none=True)
    field_name = fields.String(required=True, allow_none=True)
    created_at = fields.String(required=True)
    filters = fields.List(fields.Nested(MetricFilterAnswerSchema), required=True)


class BillableMetricAnswerSchema(Schema):
    """One metric."""

    billable_metric = fields.Nested(BillableMetricSchema, required=True)


class BillableMetricsAnswerSchema(Schema):
    """A page of metrics."""

    billable_metrics = fields.List(fields.Nested(BillableMetricSchema), required=True)
    meta = fields.Nested(MetaSchema, required=True)
