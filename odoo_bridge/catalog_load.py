"""Writes a catalog file into Odoo, which owns the catalog, and pulls it back.

The file is checked as a whole first: with any fault in it nothing is written. Loading
it again changes nothing. What the file does not name stays as it is.
"""

from collections import Counter as Tally
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ledger.catalog_rows import NEWER_TERMS
from ledger.db import transaction
from ledger.known import known_names, known_service
from odoo_bridge.client import OdooClient
from odoo_bridge.errors import OdooMisconfiguredError
from odoo_bridge.faults import one_line
from odoo_bridge.parts_check import why_no_parts
from odoo_bridge.pull import pull_catalog
from odoo_bridge.pull_pages import MODEL
from schemas.catalog_entries import Catalog, Service
from schemas.catalog_file import (
    CatalogDraft,
    Fault,
    Reference,
    check_catalog,
    show_path,
    unknown_reference,
)
from schemas.odoo_rows import (
    Row,
    customer_row,
    metric_row,
    plan_row,
    service_row,
    subscription_row,
)
from schemas.yaml_text import YamlUnreadableError, read_yaml

CALL_ROWS: Final = 200
STATUSES: Final = ("created", "updated", "unchanged")


class CatalogFileError(ValueError):
    """The file has faults; nothing was written. The text has a line for each."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = tuple(faults)


@dataclass(frozen=True)
class Report:
    """Per kind, how many entries were created, updated and unchanged in Odoo.

    ``faults``: what Odoo, or then the ledger, refused all the same, by path.
    """

    counts: Mapping[str, Mapping[str, int]]
    faults: tuple[Fault, ...]


def load_catalog_file(path: Path, client: OdooClient, database_url: str) -> Report:
    """Check the file, write it into Odoo, pull the catalog into the ledger.

    Raises CatalogFileError, with nothing written; OdooError when Odoo fails, and
    psycopg.OperationalError when the ledger does: then load the file again.
    """
    try:
        draft = check_catalog(read_yaml(path))
    except YamlUnreadableError as error:
        raise CatalogFileError([Fault("", str(error))]) from error
    now = datetime.now(UTC)
    unknown = _find_unknown(draft, database_url)
    incomplete = (
        draft.catalog is not None and None in vars(draft.catalog.service).values()
    )
    if unknown or incomplete:
        pull_catalog(client, database_url, now)
        unknown = _find_unknown(draft, database_url)
    faults = [*draft.faults, *(unknown_reference(reference) for reference in unknown)]
    if faults or draft.catalog is None:
        raise CatalogFileError(faults)
    if _has_parts(draft.catalog) and (reason := why_no_parts(client)) is not None:
        raise CatalogFileError([Fault("", reason)])
    catalog = _complete(draft.catalog, database_url)
    counts: dict[str, Mapping[str, int]] = {}
    for kind, part, rows in _rows(catalog):
        tally, refused = _apply(client, kind, part, rows)
        counts[kind] = {status: tally[status] for status in STATUSES}
        faults += refused
        if kind == "service" and refused:
            return Report(counts, tuple(faults))
    pulled = pull_catalog(client, database_url, now)
    if not faults:
        faults += _missing_in_ledger(catalog, database_url, pulled.passed_over)
    return Report(counts, tuple(faults))


def _find_unknown(draft: CatalogDraft, database_url: str) -> list[Reference]:
    """References to what neither the file nor the ledger has, in the file's order."""
    if draft.service is None:
        return []
    names: dict[str, set[str]] = {}
    for reference in draft.references:
        names.setdefault(reference.part, set()).add(reference.name)
    with transaction(database_url) as conn:
        known = {
            part: known_names(conn, draft.service, part, wanted)
            for part, wanted in names.items()
        }
    return [r for r in draft.references if r.name not in known[r.part]]


def _has_parts(catalog: Catalog) -> bool:
    """Whether anything in it has a term that addons before 1.2 do not know."""
    charges = [charge for plan in catalog.plans for charge in plan.charges]
    entries = {"metric": catalog.metrics, "plan": catalog.plans, "charge": charges}
    return any(
        getattr(entry, term)
        for kind, found in entries.items()
        for entry in found
        for term in NEWER_TERMS[kind]
    )


def _complete(catalog: Catalog, database_url: str) -> Catalog:
    """A service's name and mode, where the file leaves them out, stay as they are."""
    service = catalog.service
    with transaction(database_url) as conn:
        name, mode = known_service(conn, service.code) or (service.code, "shadow")
    whole = Service(service.code, service.name or name, service.mode or mode)
    return replace(catalog, service=whole)


def _rows(catalog: Catalog) -> list[tuple[str, str, list[Row]]]:
    """Kind, part of the file and rows; no kind refers to one that comes after it."""
    code = catalog.service.code
    return [
        ("service", "service", [service_row(catalog.service)]),
        ("metric", "metrics", [metric_row(code, e) for e in catalog.metrics]),
        ("plan", "plans", [plan_row(code, e) for e in catalog.plans]),
        ("customer", "customers", [customer_row(code, e) for e in catalog.customers]),
        (
            "subscription",
            "subscriptions",
            [subscription_row(code, e) for e in catalog.subscriptions],
        ),
    ]


def _apply(
    client: OdooClient, kind: str, part: str, rows: Sequence[Row]
) -> tuple[Tally[str], list[Fault]]:
    tally: Tally[str] = Tally()
    faults = []
    for first in range(0, len(rows), CALL_ROWS):
        page = rows[first : first + CALL_ROWS]
        answer = client.repeat(MODEL, "apply_catalog", kind=kind, rows=page)
        for index, status, reason in _read_answer(answer, len(page)):
            tally[status] += 1
            if status not in STATUSES:
                path = show_path((part, first + index))
                faults.append(Fault(part if kind == "service" else path, reason))
    return tally, faults


def _read_answer(answer: Any, rows: int) -> list[tuple[int, str, str]]:
    try:
        found = [
            (int(row["index"]), str(row["status"]), _refused(row["reason"]))
            for row in answer
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise _wrong_answer() from error
    if [index for index, _, _ in found] != list(range(rows)):
        raise _wrong_answer()
    return found


def _refused(reason: Any) -> str:
    return one_line(f"Odoo refused it: {reason}")


def _wrong_answer() -> OdooMisconfiguredError:
    return OdooMisconfiguredError(
        "apply_catalog answered something else than a result per row; another version "
        "of the addon is installed in Odoo"
    )


def _missing_in_ledger(
    catalog: Catalog, database_url: str, passed_over: Collection[tuple[str, str, str]]
) -> list[Fault]:
    """What was written and did not come back, or not as it is now: its pull failed, and
    its log says why. ``passed_over``: as in a PullReport."""
    names = {
        "metrics": [metric.code for metric in catalog.metrics],
        "plans": [plan.code for plan in catalog.plans],
        "customers": [customer.external_id for customer in catalog.customers],
        "subscriptions": [entry.external_id for entry in catalog.subscriptions],
    }
    text = "is in Odoo, but could not be pulled into the ledger; see its log"
    faults = []
    with transaction(database_url) as conn:
        for part, wanted in names.items():
            known = known_names(conn, catalog.service.code, part, wanted)
            faults += [
                Fault(show_path((part, index)), text)
                for index, name in enumerate(wanted)
                if name not in known
                or (part.removesuffix("s"), catalog.service.code, name) in passed_over
            ]
    return faults
