"""What an app says of a customer beside name and e-mail, as fields of the client."""

import unicodedata

from . import rows as r

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
"""Field of the client by key of the row."""
PLACES = frozenset({"state", "country"})
KEYS = frozenset({"lang"}) | PLACES | frozenset(TEXTS)


def read_contact(env, row, keys):
    """Values of a client for those of the row's keys that are given.

    Never an empty one: what a person typed in Odoo is not blanked. State and country
    go together: ``country`` is an ISO 3166 code, ``state`` a code or name in it, which
    taxes may depend on. A language that Odoo has not got is left out. Raises RowError.
    """
    values = {TEXTS[key]: r.optional_text(row, key) for key in keys & set(TEXTS)}
    if keys & PLACES:
        values.update(_read_place(env, row))
    if "lang" in keys:
        values["lang"] = _find_language(env, r.optional_text(row, "lang"))
    return {name: value for name, value in values.items() if value}


def _read_place(env, row):
    code, name = r.optional_text(row, "country"), r.optional_text(row, "state")
    if code is None:
        return {}
    country = env["res.country"].search([("code", "=", code.upper())])
    if not country:
        raise r.RowError(f"country: {code!r} is no country's code")
    if name is None or not country.state_ids:
        return {"country_id": country.id}
    wanted = _plain(name)
    state = country.state_ids.filtered(
        lambda s: wanted in (_plain(s.code), _plain(s.name))
    )[:1]
    if not state:
        raise r.RowError(f"state: {name!r} is no state of {country.code}")
    return {"country_id": country.id, "state_id": state.id}


def _plain(name):
    """The name without its accents and capitals: Québec is Odoo's Quebec."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(c for c in letters if not unicodedata.combining(c))


def _find_language(env, wanted):
    """The code of an installed language: of this code, else the first of its kind."""
    if wanted is None:
        return None
    wanted = wanted.replace("-", "_").lower()
    codes = sorted(code for code, _ in env["res.lang"].get_installed())
    same = [code for code in codes if code.lower() == wanted]
    kin = [code for code in codes if code.lower().split("_")[0] == wanted.split("_")[0]]
    return next(iter(same + kin), None)
