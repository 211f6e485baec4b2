"""Events of clients: ``customer.updated``, one for each of a client's account links.

What an app itself has changed, the ledger has told it.
"""

from odoo import models

from .telling import app_changes, event_row, fetch, instant, watch

CHANGES = {
    "name",
    "email",
    "phone",
    "street",
    "street2",
    "city",
    "zip",
    "state_id",
    "country_id",
    "vat",
    "lang",
    "is_company",
}
NOT_TOLD = {"link_id", "external_id", "service_id", "mode"}
"""What a row has of the link, and not of the client."""


class Partner(models.Model):
    """Told to the live services that have the client as a customer."""

    _inherit = "res.partner"

    def write(self, vals):
        """Write; a change of what is told is noted first."""
        if not CHANGES.isdisjoint(vals):
            watch(self)
        return super().write(vals)

    def _compute_field_value(self, field):
        if any(f.name in CHANGES and f.store for f in self.pool.field_computed[field]):
            watch(self)
        return super()._compute_field_value(field)

    def _x_fc_seen(self):
        rows = fetch(self.env, "clients", ids=tuple(self._ids))
        return {row["id"]: row for row in rows}

    def _x_fc_events(self, before):
        now, events, known = self.env.cr.now(), [], app_changes(self)
        for row in fetch(self.env, "clients", ids=tuple(before)):
            was = None if row["id"] in known else before[row["id"]]
            if was and row["mode"] == "live" and _client(was) != _client(row):

                def build(row=row):
                    return payload(row, now)

                events.append(event_row(row["service_id"], "customer.updated", build))
        return events


def _client(row):
    return {name: value for name, value in row.items() if name not in NOT_TOLD}


def payload(row, now):
    """What an app is told of a customer: ``{"customer": {...}}``."""
    customer = {
        "external_id": row["external_id"],
        "name": row["name"],
        "email": row["email"],
        "phone": row["phone"],
        "address_line1": row["street"],
        "address_line2": row["street2"],
        "city": row["city"],
        "zipcode": row["zip"],
        "state": row["state"],
        "country": row["country"],
        "tax_identification_number": row["vat"],
        "customer_type": "company" if row["is_company"] else "individual",
        "document_locale": row["lang"],
        "updated_at": instant(now),
    }
    return {"customer": {name: value or None for name, value in customer.items()}}
