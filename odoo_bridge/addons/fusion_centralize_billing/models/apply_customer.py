"""A customer of ``apply_catalog``: which client it is."""

from odoo import tools

from . import applying as a
from . import rows as r
from .queries import load_queries


def apply_customer(env, row):
    """``{service, external_id, name, email}``: found by link, then e-mail, else made.

    A client that a catalog made and that has no other link takes the row's name and
    e-mail; one that Odoo or another service shares stays as it is. The id answered is
    the link's.
    """
    email = r.optional_text(row, "email")
    service = a.find_service(env, row)
    key = {"service_id": service.id, "external_id": r.text(row, "external_id")}
    values = {"name": r.text(row, "name"), "email": email}
    address = tools.email_normalize(email, strict=False) if email else None
    if email and not address:
        raise r.RowError(f"email: {email!r} is not an e-mail address")
    link = env[a.LINK].search([(name, "=", value) for name, value in key.items()])
    if link:
        return link.id, _follow(link, values)
    partner = _find_partner(env, address, service) or a.create(
        env[a.PARTNER], {**values, "x_fc_from_catalog": True}
    )
    return a.create(env[a.LINK], {**key, "partner_id": partner.id}).id, "created"


def _follow(link, values):
    partner = link.partner_id
    same = (partner.name, partner.email or None) == (values["name"], values["email"])
    others = [("partner_id", "=", partner.id), ("id", "!=", link.id)]
    if same or not partner.x_fc_from_catalog or link.search_count(others, limit=1):
        return "unchanged"
    partner.write(values)
    return "updated"


def _find_partner(env, address, service):
    """The client with an e-mail address, whatever the case of its letters."""
    if not address:
        return env[a.PARTNER]
    partners = env[a.PARTNER]
    partners.flush_model(["email_normalized", "active", "company_id"])
    env.cr.execute(
        load_queries("partner")["find_partner"],
        {"address": address, "company_id": service.company_id.id},
    )
    found = env.cr.fetchone()
    return partners.browse(found)
