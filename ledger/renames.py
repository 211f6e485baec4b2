"""Seeing that a record of Odoo's has another name than the ledger knows it by."""

from ledger.db import Connection
from ledger.queries import load_queries

_SQL = load_queries("renames")


class CatalogRowRefused(ValueError):
    """A row would rename what the ledger knows by another name."""


def refuse_rename(
    conn: Connection, kind: str, service: str, name: str, odoo_id: int
) -> None:
    """Raise CatalogRowRefused when the ledger has the record under another name only.

    ``name``: the code or external id. Writing it would make a second row beside the
    old one, and counters by the old name would go on to the old one. When the ledger
    has a record of the new name as well, Odoo's ids were dealt anew, and it is taken.
    """
    values = {"service": service, "name": name, "odoo_id": odoo_id}
    found = conn.execute(_SQL[f"renamed_{kind}"], values).fetchone()
    if found is not None:
        known = found[1] if found[0] == service else f"{found[1]} of service {found[0]}"
        raise CatalogRowRefused(
            f"{kind} {known!r} is called {name!r} in Odoo now; give it its old name "
            "back there, and make a new one for the new name"
        )
