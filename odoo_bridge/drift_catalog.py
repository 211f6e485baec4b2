"""Compares the ledger's catalog with Odoo's, which owns it.

Both are walked by Odoo's ids, so that a renamed entry is one that differs and not two.
A pull brings the ledger up to Odoo within a minute: what the second look does not find
any more was only not pulled yet. What an app changed is on its way to Odoo, and no pull
overwrites it until it is there: it counts where Odoo refuses it.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from decimal import Decimal
from typing import Any, Final, cast

from marshmallow import ValidationError

from ledger.catalog_read import KnownEntry, read_entries, read_unsent
from ledger.catalog_rows import NEWER_TERMS
from ledger.db import Connection
from odoo_bridge.client import OdooClient
from odoo_bridge.difference import NONE, Difference, Page, show
from odoo_bridge.pull_pages import read_pages
from schemas.catalog_entries import Charge, Service, Tier
from schemas.catalog_json import tier_values
from schemas.messages import plain_number
from schemas.odoo_rows import KINDS, CatalogEntry, read_row, tells_newer_terms

NOT_PULLED: Final = (
    "Odoo's counts, and drift --repair pulls it; if that does not help, the log says "
    "why (catalog_row_refused)"
)
GONE: Final = (
    "deleted in Odoo, the ledger keeps it: make it there again if it is wanted"
)
REFUSED: Final = (
    "an app changed it, and Odoo refuses that: mend what it names; it is tried again "
    "by itself"
)
UNREADABLE: Final = "correct it in Odoo; until then the ledger keeps what it has"


def compare_catalog(
    client: OdooClient,
    conn: Connection,
    service: str | None,
    between: Callable[[], None],
) -> Iterator[Page]:
    """Every kind of entry, page by page. Raises OdooError.

    ``between``: what is done between the first look and the second if the first found
    anything: wait for a pull, or make one. What both found in the same way is answered.
    """
    first = [page for kind in KINDS for page in _compare(client, conn, kind, service)]
    found = {d for page in first for d in page.differences}
    if not found:
        yield from first
        return
    between()
    for kind in KINDS:
        for page in _compare(client, conn, kind, service):
            again = tuple(d for d in page.differences if d in found)
            yield Page(page.compared, again)


def _compare(
    client: OdooClient, conn: Connection, kind: str, service: str | None
) -> Iterator[Page]:
    """One kind, of one service or all; the last page has what Odoo has not."""
    after_id = 0
    for page in read_pages(client, kind):
        rows = [row for row in page.rows if _id_of(row)]
        last_id = max((_id_of(row) for row in rows), default=after_id)
        known = read_entries(conn, kind, service, after_id, last_id)
        yield _without_unsent(
            conn, kind, known, _compare_page(kind, service, rows, known)
        )
        after_id = last_id
    rest = read_entries(conn, kind, service, after_id, None)
    yield _without_unsent(conn, kind, rest, _compare_page(kind, service, [], rest))


def _compare_page(
    kind: str, service: str | None, rows: Sequence[Any], known: Sequence[KnownEntry]
) -> Page:
    ours = {entry.odoo_id: entry for entry in known}
    compared: Counter[str] = Counter()
    found: list[Difference] = []
    for row in rows:
        of = row.get("code" if kind == "service" else "service") or ""
        mine = ours.pop(_id_of(row), None)
        if service is not None and service != of and mine is None:
            continue
        compared[of or NONE] += 1
        found += _compare_row(kind, row, mine)
    found += [
        _difference(kind, entry, "row", _name(entry.entry), NONE, GONE)
        for entry in ours.values()
    ]
    return Page(compared, tuple(found))


def _without_unsent(
    conn: Connection, kind: str, known: Sequence[KnownEntry], page: Page
) -> Page:
    """The page without what Odoo has not taken yet; what it refuses is failed."""
    if not page.differences:
        return page
    unsent = read_unsent(conn, kind, [entry.odoo_id for entry in known])
    by_subject = {
        (entry.service, f"{kind} {_name(entry.entry)}"): unsent[entry.odoo_id]
        for entry in known
        if entry.odoo_id in unsent
    }
    left: list[Difference] = []
    for found in page.differences:
        fields, error = by_subject.get(
            (found.service, found.subject), (frozenset(), None)
        )
        field = "charges" if found.field.startswith("charge ") else found.field
        if field not in fields and (field != "row" or not fields):
            left.append(found)
        elif error is not None:
            left.append(replace(found, level="failed", advice=f"{REFUSED}: {error}"))
    return Page(page.compared, tuple(left))


def _compare_row(kind: str, row: Any, mine: KnownEntry | None) -> list[Difference]:
    key = _id_of(row)
    try:
        service, read = read_row(kind, row)
    except ValidationError as error:
        of = mine or KnownEntry(
            key, str(row.get("service") or NONE), Service("", "", "")
        )
        subject = f"{kind} {_name(of.entry) or key}"
        return [
            Difference(
                of.service,
                "catalog",
                "failed",
                subject,
                "row",
                "cannot be read",
                show(error.messages),
                UNREADABLE,
            )
        ]
    entry = cast(CatalogEntry, read)  # no kind of the catalog is an invoice
    if isinstance(entry, Service):  # as a pull takes it
        entry = replace(
            entry, name=entry.name or entry.code, mode=entry.mode or "shadow"
        )
    theirs = KnownEntry(key, service, entry)
    if mine is None:
        values = NONE, _name(entry)
        return [_difference(kind, theirs, "row", *values, NOT_PULLED)]
    before = {"service": mine.service, **_flatten(mine.entry)}
    after = {"service": service, **_flatten(entry)}
    if kind in NEWER_TERMS and not tells_newer_terms(kind, row):
        before, after = _without_newer(kind, before), _without_newer(kind, after)
    return [
        _difference(
            kind, mine, name, _shown(before, name), _shown(after, name), NOT_PULLED
        )
        for name in {**before, **after}
        if before.get(name) != after.get(name)
    ]


def _difference(
    kind: str, of: KnownEntry, field: str, ours: str, theirs: str, advice: str
) -> Difference:
    subject = f"{kind} {_name(of.entry)}"
    return Difference(
        of.service, "catalog", "drift", subject, field, ours, theirs, advice
    )


def _name(entry: CatalogEntry) -> str:
    return entry.external_id if hasattr(entry, "external_id") else entry.code


def _flatten(entry: CatalogEntry | Charge) -> dict[str, Any]:
    """Values by path: ``price``, ``charge cpu included``; equal where they count so."""
    flat: dict[str, Any] = {}
    for name, value in vars(entry).items():
        if name != "charges":
            flat[name] = value
            continue
        for charge in value:
            flat |= {
                f"charge {charge.metric} {part}": of_charge
                for part, of_charge in vars(charge).items()
            }
    return flat


def _without_newer(kind: str, flat: dict[str, Any]) -> dict[str, Any]:
    """An older addon neither takes nor tells them."""
    return {
        name: value
        for name, value in flat.items()
        if name not in NEWER_TERMS[kind]
        and not (
            name.startswith("charge ") and name.split()[-1] in NEWER_TERMS["charge"]
        )
    }


def _shown(values: dict[str, Any], name: str) -> str:
    value = values.get(name)
    if isinstance(value, Decimal):
        return plain_number(value)
    if isinstance(value, tuple):
        return show(_list_text(value)) if value else NONE
    return show(value)


def _list_text(values: tuple[Any, ...]) -> str:
    if isinstance(values[0], Tier):
        return json.dumps(tier_values(values))
    plain = [value if isinstance(value, str) else asdict(value) for value in values]
    return json.dumps(plain, default=plain_number, ensure_ascii=False)


def _id_of(row: Any) -> int:
    """Odoo's id of an exported row; 0: it has none, and a pull refuses it."""
    key = row.get("id") if isinstance(row, dict) else None
    return key if isinstance(key, int) else 0
