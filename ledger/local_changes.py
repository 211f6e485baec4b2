"""Customers and subscriptions as apps make and change them: here first, then Odoo.

What is saved counts from the commit on; the bridge brings it to Odoo when it can
(ledger/outgoing.py). Counters that were parked for it are applied by the next
``apply_parked``: kick it, and the bridge, after the commit.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ledger.catalog import SubscriptionRow, write_subscription
from ledger.db import Connection
from ledger.holding import CUSTOMER, SUBSCRIPTION, SUBSCRIPTION_FIELDS, lock_record
from ledger.queries import load_queries
from ledger.services import service_code

CONTACT_FIELDS: Final = (
    "phone",
    "street",
    "street2",
    "city",
    "zip",
    "state",
    "country",
    "vat",
    "lang",
    "legal_name",
    "website",
    "stripe_customer",
)
"""Country and state are ISO 3166 codes, CA and ON; the state may be its name."""
CUSTOMER_FIELDS: Final = ("name", "email", *CONTACT_FIELDS)
REVISIONS_SINCE: Final = datetime(2020, 1, 1, tzinfo=UTC)

_SECOND = timedelta(seconds=1)
_SQL = load_queries("local_changes")


class LocalChangeRefused(ValueError):
    """A change that no subscription can have; the text names the field."""


@dataclass(frozen=True)
class Saved:
    """The ledger's key of what was saved, and which fields are other than before."""

    record_id: int
    created: bool
    changed: frozenset[str]


def revision_at(now: datetime) -> int:
    """The least revision of a change that is made now: the seconds since 2020."""
    return (now - REVISIONS_SINCE) // _SECOND


def save_customer(
    conn: Connection,
    service_id: int,
    external_id: str,
    values: Mapping[str, str | None],
    now: datetime,
) -> Saved:
    """Make a customer, or change those of CUSTOMER_FIELDS that ``values`` names.

    None and "" empty a field; a customer without a name has its external id for one.
    Commits with what the caller does beside it. Safe to repeat: what is as it was is
    not sent again. Raises LocalChangeRefused for a field that there is not, and
    ServiceUnknown.
    """
    refuse_unknown(values, CUSTOMER_FIELDS)
    lock_record(conn, CUSTOMER, service_code(conn, service_id), external_id)
    key = {"service_id": service_id, "external_id": external_id}
    found = conn.execute(_SQL["customer"], key).fetchone()
    _, name, email, contact = found or (None, None, None, {})
    before = {"name": name, "email": email, **contact}
    after = {**before, **{field: value or None for field, value in values.items()}}
    after["name"] = after["name"] or external_id
    changed = frozenset(f for f, value in after.items() if value != before.get(f))
    if found is not None and not changed:
        return Saved(found[0], False, changed)
    kept = {f: after[f] for f in CONTACT_FIELDS if after.get(f) is not None}
    row = {**key, "name": after["name"], "email": after["email"]}
    written = conn.execute(
        _SQL["write_customer"], {**row, "contact": json.dumps(kept)}
    ).fetchone()
    assert written is not None  # noqa: S101 - RETURNING answers one row, or it raised
    note_change(conn, CUSTOMER, written[0], changed, now)
    return Saved(written[0], found is None, changed)


def save_subscription(
    conn: Connection,
    service_id: int,
    external_id: str,
    values: Mapping[str, Any],
    now: datetime,
    plan_from: datetime | None = None,
) -> Saved:
    """Make a subscription, or change those of SUBSCRIPTION_FIELDS that are named.

    ``customer`` and ``plan`` are external codes, and have to be given for a new one;
    which starts now, in UTC and on calendar periods, unless told otherwise. The start
    is cut to whole seconds and the end rounded up to them, as Odoo has no others: so
    no counter is left outside. ``ended_at``: the first instant after its life; None
    lifts the end. Another plan begins now, or at ``plan_from``, an instant that has
    passed. Usage is counted again by the new terms in the caller's transaction. Safe to
    repeat: what is as it was is not sent again.

    Raises LocalChangeRefused, CatalogRowUnknown for a customer or plan that the service
    does not have, and ServiceUnknown.
    """
    refuse_unknown(values, SUBSCRIPTION_FIELDS)
    service = service_code(conn, service_id)
    lock_record(conn, SUBSCRIPTION, service, external_id)
    key = {"service_id": service_id, "external_id": external_id}
    found = conn.execute(_SQL["subscription"], key).fetchone()
    if found is None:
        before = {}
        default = {"timezone": "UTC", "anchor": "calendar"}
        after = {"started_at": now, "ended_at": None, **default, **values}
    else:
        before = dict(zip(SUBSCRIPTION_FIELDS, found[1:], strict=True))
        after = {**before, **values}
    row = _read_terms(service, external_id, after)
    changed = frozenset(
        field
        for field in SUBSCRIPTION_FIELDS
        if found is None or getattr(row, field) != before[field]
    )
    if found is not None and not changed:
        return Saved(found[0], False, changed)
    write_subscription(conn, row, plan_from)
    written = conn.execute(_SQL["subscription"], key).fetchone()
    assert written is not None  # noqa: S101 - written one statement ago
    note_change(conn, SUBSCRIPTION, written[0], changed, now)
    return Saved(written[0], found is None, changed)


def _read_terms(
    service: str, external_id: str, values: Mapping[str, Any]
) -> SubscriptionRow:
    for field in ("customer", "plan"):
        if not values.get(field):
            raise LocalChangeRefused(f"{field}: is missing")
    start, end = values["started_at"], values["ended_at"]
    start = start.replace(microsecond=0)
    if end is not None and end.microsecond:
        end = end.replace(microsecond=0) + _SECOND
    if end is not None and end <= start:
        raise LocalChangeRefused("ended_at: is not after started_at")
    terms = {**values, "started_at": start, "ended_at": end}
    return SubscriptionRow(service, external_id, **terms, odoo_id=None)


def refuse_unknown(values: Mapping[str, Any], fields: tuple[str, ...]) -> None:
    """Refuse a value of a field that there is not."""
    if unknown := sorted(set(values) - set(fields)):
        raise LocalChangeRefused(f"{unknown[0]}: is no field of it")


def note_change(
    conn: Connection,
    kind: str,
    record_id: int,
    changed: frozenset[str],
    now: datetime,
) -> None:
    """Let the changed fields of a record go out, at once."""
    values = {"kind": kind, "record_id": record_id, "changed": sorted(changed)}
    values |= {"revision": max(1, revision_at(now)), "now": now}
    conn.execute(_SQL["note_change"], values)
