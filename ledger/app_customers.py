"""Customers as apps write them by Lago's names: what changed is told with the change.

What Odoo has a field for is ``save_customer``'s; the rest is kept here, and given back.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger.customer_object import customer_object
from ledger.customers import Customer, find_customer
from ledger.db import Connection
from ledger.holding import CUSTOMER, lock_record
from ledger.local_changes import CUSTOMER_FIELDS, save_customer
from ledger.queries import load_queries
from ledger.telling import tell

_SQL = load_queries("customers")
_NESTED = ("billing_configuration", "shipping_address")


@dataclass(frozen=True)
class CustomerInput:
    """What an app gave of a customer. None and "" empty a value.

    ``values``: of CUSTOMER_FIELDS; ``profile``: by Lago's names.
    """

    values: Mapping[str, str | None]
    profile: Mapping[str, Any]


def put_customer(
    conn: Connection,
    service: tuple[int, str],
    external_id: str,
    given: CustomerInput,
    now: datetime,
) -> Customer:
    """Make a customer, or change what is given of it; ``service``: its key and code.

    One that was deleted is made anew, with nothing of what it was. Safe to repeat: what
    is as it was is neither told nor sent again.
    """
    service_id, code = service
    key = {"service_id": service_id, "external_id": external_id}
    lock_record(conn, CUSTOMER, code, external_id)
    found = conn.execute(_SQL["profile"], key).fetchone()
    before, deleted_at = found or ({}, None)
    values = dict(given.values)
    if deleted_at is not None:
        before, values = {}, {**dict.fromkeys(CUSTOMER_FIELDS), **values}
    saved = save_customer(conn, service_id, external_id, values, now)
    profile = _merged(before, given.profile)
    is_new = found is None or deleted_at is not None
    if is_new or saved.changed or profile != before:
        written = {"record_id": saved.record_id, "profile": json.dumps(profile)}
        conn.execute(_SQL["write_profile"], {**written, "now": now})
    customer = find_customer(conn, service_id, external_id)
    assert customer is not None  # noqa: S101 - written a statement ago
    if is_new or saved.changed or profile != before:
        event = "customer.created" if is_new else "customer.updated"
        tell(conn, service_id, event, {"customer": customer_object(customer)}, now)
    return customer


def need_customer(
    conn: Connection, service: tuple[int, str], external_id: str, now: datetime
) -> Customer:
    """The customer, made if there is none yet, or none any more."""
    lock_record(conn, CUSTOMER, service[1], external_id)
    found = find_customer(conn, service[0], external_id)
    if found is not None:
        return found
    return put_customer(conn, service, external_id, CustomerInput({}, {}), now)


def _merged(before: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What is given over what there was; what is empty is left out."""
    after = {**before, **given}
    for name in _NESTED:
        if name in given:
            after[name] = _full({**before.get(name, {}), **given[name]})
    return _full(after)


def _full(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value for name, value in values.items() if value not in (None, "", [], {})
    }
