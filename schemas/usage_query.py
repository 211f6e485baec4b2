"""What may be asked of current usage, as its document shows it."""

from typing import Any

from marshmallow import Schema, fields


def _text(description: str, **more: Any) -> fields.String:
    return fields.String(metadata={"description": description, **more})


class CurrentUsageQuerySchema(Schema):
    """Which charges; the amounts are then of these alone.

    ``group[property]=value`` asks for the usage of one group.
    """

    charge_id = _text("Of this charge only.")
    charge_code = _text("Of the charge of this code only.")
    billable_metric_code = _text("Of the charge for this metric only.")
    filter_by_group = _text(
        "As `group[property]=value`, in JSON: the usage of one group of a charge."
    )
    filter_by_charge_id = _text("As `charge_id`.", deprecated=True)
    filter_by_charge_code = _text("As `charge_code`.", deprecated=True)
    apply_taxes = _text("Of no matter: taxes are Odoo's, and 0 here.")
    full_usage = _text("Only false is answered; for more ask for past usage.")
