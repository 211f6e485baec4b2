"""A customer of ``apply_catalog``: which client it is, and what the app says of it."""

import unicodedata
from typing import Any

from odoo_bridge.embedded import rows as r
from odoo_bridge.embedded.applying import SQL, Applied, find_service, one
from odoo_bridge.embedded.env import Env, Records
from odoo_bridge.embedded.local_change import (
    is_taken,
    read_changed,
    read_revision,
)
from odoo_bridge.embedded.native import PARTNER
from odoo_bridge.embedded.store import fetch, update
from odoo_bridge.embedded.values import normalize_email

ALWAYS = frozenset({"name", "email"})
TEXTS = {
    "phone": "phone",
    "street": "street",
    "street2": "street2",
    "city": "city",
    "zip": "zip",
    "vat": "vat",
    "legal_name": "company_name",
    "website": "website",
    "stripe_customer": "x_fc_stripe_customer",
}
PLACES = frozenset({"state", "country"})
KEYS = frozenset({"lang"}) | PLACES | frozenset(TEXTS)
LANGUAGES = ("en_US",)


def apply_customer(env: Env, row: r.Row) -> Applied:
    """``{service, external_id, name, email, …}``: by link, then e-mail, else made.

    The rest is KEYS and, of an app's change, ``revision`` and ``changed``. A client
    that a catalog made and that has no other link takes of the row what was changed (of
    a file's row name and e-mail), and never an empty value; one that Odoo or another
    service shares stays as it is. The id answered is the link's.
    """
    email = r.optional_text(row, "email")
    revision, changed = read_revision(row), read_changed(row)
    values: dict[str, Any] = {
        "service_id": find_service(env, row),
        "external_id": r.text(row, "external_id"),
        "name": r.text(row, "name"),
        "email": email,
        "email_normalized": normalize_email(email),
        "revision": revision,
    }
    if email and values["email_normalized"] is None:
        raise r.RowError(f"email: {email!r} is not an e-mail address")
    found = one(env, "find_customer", values)
    if found is None:
        return _link_customer(env, row, values), "created"
    if is_taken(found["id"], revision, found["revision"]):
        return found["id"], "unchanged"
    taken = ALWAYS if changed is None else changed
    wanted = {name: values[name] for name in ALWAYS & taken if values[name]}
    status = _follow(env, found, {**wanted, **_read_contact(env, row, KEYS & taken)})
    if revision:
        note = {"id": found["id"], "revision": revision, "uid": env.uid}
        env.conn.execute(SQL["note_customer"], note)
    return found["id"], status


def _follow(env: Env, found: dict[str, Any], values: dict[str, Any]) -> str:
    partner = Records(env, PARTNER, (found["partner_id"],))
    (held,) = fetch(partner, values)
    same = all(held[name] == value for name, value in values.items())
    if same or not found["x_fc_from_catalog"] or found["links"] > 1:
        return "unchanged"
    update(partner, values)
    return "updated"


def _link_customer(env: Env, row: r.Row, values: dict[str, Any]) -> int:
    partner = None
    if values["email_normalized"]:
        partner = one(env, "find_partner", values)
    if partner is None:
        contact = _read_contact(env, row, KEYS)
        partner = one(env, "create_partner", values)
        assert partner is not None  # noqa: S101 - see create_partner's conflict
        if contact:
            update(Records(env, PARTNER, (partner["id"],)), contact)
    link = one(env, "create_link", {**values, "partner_id": partner["id"]})
    assert link is not None  # noqa: S101 - see create_link's conflict
    return int(link["id"])


def _read_contact(env: Env, row: r.Row, keys: frozenset[str]) -> dict[str, Any]:
    """Values of a client for those of the row's keys that are given; never empty ones.

    State and country go together. A language that Odoo has not got is left out.
    """
    texts = sorted(keys & set(TEXTS))
    values: dict[str, Any] = {TEXTS[key]: r.optional_text(row, key) for key in texts}
    website = values.get("website")
    if website and "://" not in website:
        values["website"] = f"http://{website}"
    if keys & PLACES:
        values.update(_read_place(env, row))
    wanted = r.optional_text(row, "lang")
    if "lang" in keys and wanted:
        values["lang"] = next(
            (code for code in LANGUAGES if code[:2] == wanted[:2].lower()), None
        )
    return {name: value for name, value in values.items() if value}


def _read_place(env: Env, row: r.Row) -> dict[str, Any]:
    code, name = r.optional_text(row, "country"), r.optional_text(row, "state")
    if code is None:
        return {}
    country = one(env, "find_country", {"country": code})
    if country is None:
        raise r.RowError(f"country: {code!r} is no country's code")
    if name is None or not country["has_states"]:
        return {"country_id": country["id"]}
    letters = unicodedata.normalize("NFKD", name)  # whose states have no accents
    plain = "".join(c for c in letters if not unicodedata.combining(c))
    state = one(env, "find_state", {"country_id": country["id"], "state": plain})
    if state is None:
        raise r.RowError(f"state: {name!r} is no state of {code.upper()}")
    return {"country_id": country["id"], "state_id": state["id"]}
