"""Services by their codes, and the other way round."""

from ledger.catalog_rows import CatalogRowUnknown
from ledger.db import Connection
from ledger.keys import ServiceUnknown
from ledger.queries import load_queries

_SQL = load_queries("services")


def need_service(conn: Connection, code: str) -> int:
    """The service's key. Raises CatalogRowUnknown."""
    found = conn.execute(_SQL["service_id"], {"code": code}).fetchone()
    if found is None:
        raise CatalogRowUnknown(f"service {code} is not known")
    return int(found[0])


def service_code(conn: Connection, service_id: int) -> str:
    """The service's code. Raises ServiceUnknown."""
    found = conn.execute(_SQL["service_code"], {"service_id": service_id}).fetchone()
    if found is None:
        raise ServiceUnknown(service_id)
    return str(found[0])
