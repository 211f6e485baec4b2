"""``fusion.billing.reconciliation``: what the bridge finds, and what is gone again."""

from odoo import api, models
from odoo.exceptions import ValidationError

from . import applying as a
from . import rows as r
from .reconciliation import KINDS, LEVELS

RECONCILIATION = "fusion.billing.reconciliation"


class Reconciliation(models.Model):
    """What the bridge writes."""

    _inherit = "fusion.billing.reconciliation"

    @api.model
    def store_findings(self, rows):
        """Store each difference; one that was found before is brought up to date.

        A row is ``{service, kind, level, subject, field, ledger_value, odoo_value,
        usage, checked_at}``, the usage by its id or False; service, kind, subject and
        field are its key. Answers ``{"index", "status", "id", "reason"}`` per row; the
        status is created, updated, unchanged or error. Raises AccessError for a user
        who is not the bridge.
        """
        env = self.env[a.SERVICE]._as_bridge().env
        return a.apply_rows(env, rows, _store)

    @api.model
    def resolve_findings(self, services, kinds, before):
        """Mark as resolved what was not found since ``before``; answers how many.

        Of these services and kinds. Again it finds none. Raises ValidationError on a
        time that is none, and AccessError for a user who is not the bridge.
        """
        env = self.env[a.SERVICE]._as_bridge().env
        try:
            moment = r.moment({"before": before}, "before")
        except r.RowError as error:
            raise ValidationError(str(error)) from error
        gone = env[RECONCILIATION].search(
            [
                ("service_id.code", "in", services),
                ("service_id.company_id", "in", env.companies.ids),
                ("kind", "in", kinds),
                ("checked_at", "<", moment),
                ("resolved", "=", False),
            ]
        )
        gone.write({"resolved": True})
        return len(gone)


def _store(env, row):
    service = a.find_service(env, row)
    key = {
        "service_id": service.id,
        "kind": r.choice(row, "kind", KINDS),
        "subject": r.text(row, "subject"),
        "field": r.text(row, "field"),
    }
    values = {
        "level": r.choice(row, "level", LEVELS),
        "ledger_value": r.optional_text(row, "ledger_value"),
        "odoo_value": r.optional_text(row, "odoo_value"),
        "usage_id": _find_usage(env, row, service),
        "checked_at": r.moment(row, "checked_at"),
        "resolved": None,  # no value is false, to ``put`` as well
    }
    record, status = a.put(env[RECONCILIATION], key, values)
    return record.id, status


def _find_usage(env, row, service):
    """The row of usage's id, as long as it is there and the service's."""
    key = r.whole(row, "usage", default=0)
    usage = env[a.USAGE].browse(key).exists() if key else env[a.USAGE]
    return usage.id if usage.service_id == service else None
