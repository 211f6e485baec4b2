"""A customer of ``apply_catalog``: which client it is."""

from odoo import tools

from . import applying as a
from . import rows as r
from .contact import KEYS, read_contact
from .local_change import is_taken, read_changed, read_revision
from .queries import load_queries
from .telling import changed_by_app

ALWAYS = frozenset({"name", "email"})


def apply_customer(env, row):
    """``{service, external_id, name, email, …}``: by link, then e-mail, else made.

    The rest is ``contact.KEYS`` and, of an app's change, ``revision`` and ``changed``.
    A client that a catalog made and that has no other link takes of the row what was
    changed (of a file's row name and e-mail), and never an empty value; one that Odoo
    or another service shares stays as it is. The id answered is the link's.
    """
    email = r.optional_text(row, "email")
    service = a.find_service(env, row)
    key = {"service_id": service.id, "external_id": r.text(row, "external_id")}
    values = {"name": r.text(row, "name"), "email": email}
    address = tools.email_normalize(email, strict=False) if email else None
    if email and not address:
        raise r.RowError(f"email: {email!r} is not an e-mail address")
    revision, changed = read_revision(row), read_changed(row)
    link = env[a.LINK].search([(name, "=", value) for name, value in key.items()])
    if link:
        if is_taken(link.id, revision, link.revision):
            return link.id, "unchanged"
        taken = ALWAYS if changed is None else changed
        wanted = {k: v for k, v in values.items() if k in taken and v}
        if revision:
            changed_by_app(link.partner_id)
        status = _follow(link, {**wanted, **read_contact(env, row, KEYS & taken)})
        if revision:
            link.revision = revision
        return link.id, status
    partner = _find_partner(env, address, service)
    if not partner:
        made = {**values, **read_contact(env, row, KEYS), "x_fc_from_catalog": True}
        partner = a.create(env[a.PARTNER], made)
    made = {**key, "partner_id": partner.id, "revision": revision}
    return a.create(env[a.LINK], made).id, "created"


def _follow(link, values):
    partner = link.partner_id
    differing = {k: v for k, v in values.items() if not a.holds(partner, k, v)}
    others = [("partner_id", "=", partner.id), ("id", "!=", link.id)]
    if not differing or not partner.x_fc_from_catalog:
        return "unchanged"
    if link.search_count(others, limit=1):
        return "unchanged"
    partner.write(differing)
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
