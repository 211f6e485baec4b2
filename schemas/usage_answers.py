"""What the API answers about usage, in the shape that Lago's clients read."""

from marshmallow import Schema, fields

from schemas.answers import MetaSchema, count_field


def values_field() -> fields.Dict:
    """The values of properties that a filter takes."""
    return fields.Dict(
        keys=fields.String(), values=fields.List(fields.String()), required=True
    )


def grouped_by_field() -> fields.Dict:
    """The value of each property that makes a group; null: it is not there."""
    return fields.Dict(
        keys=fields.String(), values=fields.String(allow_none=True), required=True
    )


class UsageChargeSchema(Schema):
    """A charge, named."""

    lago_id = fields.UUID(required=True)
    charge_model = fields.String(required=True)
    code = fields.String(required=True)
    invoice_display_name = fields.String(required=True, allow_none=True)


class UsageMetricSchema(Schema):
    """A metric, named."""

    lago_id = fields.UUID(required=True)
    name = fields.String(required=True)
    code = fields.String(required=True)
    aggregation_type = fields.String(required=True)


class FilterUsageSchema(Schema):
    """What one filter of a charge comes to; without values: what no filter takes."""

    units = fields.String(required=True)
    total_aggregated_units = fields.String(required=True)
    events_count = count_field("Counters folded.")
    amount_cents = fields.Integer(required=True)
    invoice_display_name = fields.String(required=True, allow_none=True)
    values = values_field()


class GroupedUsageSchema(Schema):
    """What one group of a charge comes to."""

    units = fields.String(required=True)
    total_aggregated_units = fields.String(required=True)
    events_count = count_field("Counters folded.")
    amount_cents = fields.Integer(required=True)
    grouped_by = grouped_by_field()
    filters = fields.List(fields.Nested(FilterUsageSchema), required=True)


class ChargeUsageSchema(Schema):
    """What one charge comes to in the period."""

    units = fields.String(required=True, metadata={"description": "Such as `4.0`."})
    total_aggregated_units = fields.String(required=True)
    events_count = count_field("Counters folded.")
    amount_cents = fields.Integer(required=True)
    amount_currency = fields.String(required=True)
    charge = fields.Nested(UsageChargeSchema, required=True)
    billable_metric = fields.Nested(UsageMetricSchema, required=True)
    filters = fields.List(fields.Nested(FilterUsageSchema), required=True)
    grouped_usage = fields.List(fields.Nested(GroupedUsageSchema), required=True)


class CorrectionUsageSchema(Schema):
    """What came late for an earlier period, after that was frozen; not one of Lago's.

    Differences: what that period comes to by now, less what was billed for it.
    """

    from_datetime = fields.String(
        required=True, metadata={"description": "The period that is corrected."}
    )
    to_datetime = fields.String(
        required=True, metadata={"description": "That period's last second."}
    )
    units = fields.String(
        required=True, metadata={"description": "Below 0 when units were taken back."}
    )
    included_units = fields.String(required=True)
    overage_units = fields.String(required=True)
    events_count = count_field("Counters that came late.")
    amount_cents = fields.Integer(
        required=True, metadata={"description": "Below 0 when it is given back."}
    )
    amount_currency = fields.String(required=True)
    billable_metric = fields.Nested(UsageMetricSchema, required=True)


class CustomerUsageSchema(Schema):
    """One period of a subscription, rated; before tax, which Odoo adds.

    ``amount_cents`` is the sum of ``charges_usage`` and of those ``corrections`` that
    are in its currency.
    """

    from_datetime = fields.String(required=True)
    to_datetime = fields.String(
        required=True, metadata={"description": "The period's last second."}
    )
    issuing_date = fields.Date(required=True)
    lago_invoice_id = fields.String(required=True, allow_none=True)
    currency = fields.String(required=True)
    amount_cents = fields.Integer(required=True)
    taxes_amount_cents = fields.Integer(required=True)
    total_amount_cents = fields.Integer(required=True)
    charges_usage = fields.List(fields.Nested(ChargeUsageSchema), required=True)
    corrections = fields.List(fields.Nested(CorrectionUsageSchema), required=True)


class CustomerUsageAnswerSchema(Schema):
    """200 of current usage."""

    customer_usage = fields.Nested(CustomerUsageSchema, required=True)


class PastUsageAnswerSchema(Schema):
    """200 of past usage: frozen periods, the newest first, as they were billed."""

    usage_periods = fields.List(fields.Nested(CustomerUsageSchema), required=True)
    meta = fields.Nested(MetaSchema, required=True)
