"""Keeping what an app changed from being overwritten by what Odoo had before.

Field by field: what the app changed is the app's until Odoo has taken it, all else is
Odoo's, and what Odoo has taken is Odoo's again. So a subscription's end that the app
sets, while a person in Odoo sets another, is the app's, which knows when it stopped to
serve; one that the person sets afterwards is the person's; and a change of the app's
that is not about the end leaves the person's end as it is.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from ledger.db import Connection
from ledger.locks import RECORD_LOCK
from ledger.queries import load_queries

METRIC: Final = "metric"
PLAN: Final = "plan"
CUSTOMER: Final = "customer"
SUBSCRIPTION: Final = "subscription"

SUBSCRIPTION_FIELDS: Final = (
    "customer",
    "plan",
    "started_at",
    "ended_at",
    "timezone",
    "anchor",
)
PULLED_FIELDS: Final = {CUSTOMER: ("name", "email"), SUBSCRIPTION: SUBSCRIPTION_FIELDS}
"""By kind, what Odoo and apps both write."""

HELD: Final = frozenset({METRIC, PLAN, *PULLED_FIELDS})
"""Kinds of which apps change records; a metric's and plan's fields are all both's."""

_SQL = load_queries("holding")


def lock_record(conn: Connection, kind: str, service: str, external_id: str) -> None:
    """Let nobody else change the record until the transaction ends; again is no harm.

    Taken before every other lock of the ledger, so that it deadlocks with none.
    """
    names = {"kind": kind, "service": service, "external_id": external_id}
    conn.execute(_SQL["lock_record"], {**names, "lock_space": RECORD_LOCK})


def lock_records(
    conn: Connection, kind: str, service: str, external_ids: Collection[str]
) -> None:
    """As ``lock_record``, of several, in an order in which two of these never cross."""
    names = {"kind": kind, "service": service, "external_ids": list(external_ids)}
    conn.execute(_SQL["lock_records"], {**names, "lock_space": RECORD_LOCK})


def unsent_values(
    conn: Connection, kind: str, service: str, external_id: str
) -> dict[str, Any]:
    """Lock the record; the fields that Odoo has not taken yet, as the app has them."""
    lock_record(conn, kind, service, external_id)
    names = {"service": service, "external_id": external_id}
    found = conn.execute(_SQL[f"unsent_{kind}"], names).fetchone()
    if found is None:
        return {}
    unsent, *values = found
    fields = zip(PULLED_FIELDS[kind], values, strict=True)
    return {field: value for field, value in fields if field in unsent}


def unsent_fields(
    conn: Connection, kind: str, service: str, code: str
) -> frozenset[str]:
    """Lock a metric or plan; which of its fields Odoo has not taken yet."""
    lock_record(conn, kind, service, code)
    names = {"service": service, "external_id": code}
    found = conn.execute(_SQL[f"unsent_{kind}"], names).fetchone()
    return frozenset(found[0] if found else ())


def taken_since(
    conn: Connection, kind: str, service: str, external_id: str, read_at: datetime
) -> bool:
    """Lock the record; whether Odoo has taken a change of it since ``read_at``.

    Then what was read at that time is not to be written: it may be the row as it was
    before. It will be read back instead.
    """
    if kind not in HELD:
        return False
    lock_record(conn, kind, service, external_id)
    names = {"service": service, "external_id": external_id, "read_at": read_at}
    return conn.execute(_SQL[f"taken_since_{kind}"], names).fetchone() is not None
