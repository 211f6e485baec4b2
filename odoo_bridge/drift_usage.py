"""Compares the ledger's rollups with Odoo's usage rows, page by page.

Nothing that is on its way is taken for drift: a rollup is compared while Odoo has its
newest revision, and what differs counts only if the rollup is still as it was after
Odoo has answered. One that has changed meanwhile goes out by itself.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ledger.db import Connection
from ledger.drift import (
    FIRST,
    RollupKey,
    UsageCodes,
    invoices_of,
    pushed_rollups,
    refused_rollups,
    still_pushed,
    unknown_usage,
)
from ledger.push_claims import Claim
from ledger.pushing import read_claims
from odoo_bridge.client import OdooClient
from odoo_bridge.difference import Compared, Difference, Page, name_usage, show
from odoo_bridge.drift_values import (
    KEY,
    codes_of,
    lost_bill,
    unknown_row,
    usage_differences,
)
from odoo_bridge.errors import OdooMisconfiguredError
from odoo_bridge.sending import MODEL, rollup_row
from schemas.odoo_rows import Row

PAGE_ROWS: Final = 1_000
MAX_REFUSED: Final = 1_000
REFUSED: Final = "mend what Odoo refuses; it is tried again by itself"


def compare_usage(
    client: OdooClient, conn: Connection, service: str | None
) -> Iterator[Page]:
    """Every rollup that Odoo has taken against Odoo's row. Raises OdooError."""
    after = FIRST
    while revisions := pushed_rollups(conn, service, after, PAGE_ROWS):
        after = list(revisions)[-1]
        yield look_at(client, conn, revisions)


def look_at(
    client: OdooClient, conn: Connection, revisions: Mapping[RollupKey, int]
) -> Page:
    """These rollups against Odoo's rows, unless they change meanwhile."""
    found: dict[RollupKey, list[Difference]] = {}
    expected: dict[RollupKey, Row] = {}
    for claim in read_claims(conn, list(revisions)):
        key = rollup_key(claim)
        if claim.revision != revisions[key]:
            continue
        try:
            expected[key] = rollup_row(claim)
        except ValueError as error:
            found[key] = [_unrated(claim, str(error))]
    # Before Odoo is asked: what is billed meanwhile is no difference.
    billed_on = invoices_of(conn, list(expected))
    held = _find(client, list(expected.values()))
    for key, row in expected.items():
        actual = held.get(_key_of(row))
        compared = Compared(
            key, revisions[key], int(actual["revision"]) if actual else 0
        )
        differences = list(usage_differences(row, actual, compared))
        if key in billed_on:
            differences += lost_bill(row, actual, billed_on[key])
        if differences:
            found[key] = differences
    still = still_pushed(conn, {key: revisions[key] for key in found})
    return Page(
        Counter(row["service"] for row in expected.values()),
        tuple(d for key, ds in found.items() if key in still for d in ds),
    )


def find_unknown(
    client: OdooClient, conn: Connection, service: str | None
) -> Iterator[Page]:
    """Odoo's rows that the ledger does not have. Raises OdooError.

    The ledger is asked last: what it has pushed, it had before.
    """
    after_id = 0
    while True:
        page = client.repeat(
            MODEL,
            "export_usage",
            after_id=after_id,
            limit=PAGE_ROWS,
            service=service or False,
        )
        try:
            rows, last_id = page["rows"], page["last_id"]
            if not rows:
                return
            codes = [codes_of(row) for row in rows]
        except (KeyError, TypeError, ValueError) as error:
            raise _wrong_answer("export_usage") from error
        unknown = unknown_usage(conn, codes)
        yield Page({}, tuple(unknown_row(codes[n], rows[n]) for n in unknown))
        if last_id <= after_id:
            raise _wrong_answer("export_usage")
        after_id = last_id


def find_refused(conn: Connection, service: str | None) -> Page:
    """Rollups that Odoo has refused again and again; at most 1,000 of them."""
    return Page(
        {},
        tuple(
            Difference(
                row.codes.service,
                "usage",
                "failed",
                name_usage(row.codes),
                "push",
                f"revision {row.revision}",
                show(row.error),
                REFUSED,
            )
            for row in refused_rollups(conn, service, MAX_REFUSED)
        ),
    )


def rollup_key(claim: Claim) -> RollupKey:
    """The ledger's key of a rollup."""
    return (
        claim.subscription_id,
        claim.metric_id,
        claim.period_start,
        claim.usage_start,
    )


def _find(client: OdooClient, rows: Sequence[Row]) -> dict[tuple[Any, ...], Row]:
    """Odoo's rows of these keys, by key."""
    if not rows:
        return {}
    keys = [{name: row[name] for name in KEY} for row in rows]
    answer = client.repeat(MODEL, "find_usage", keys=keys)
    try:
        return {_key_of(row): row for row in answer}
    except (KeyError, TypeError) as error:
        raise _wrong_answer("find_usage") from error


def _key_of(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in KEY)


def _unrated(claim: Claim, reason: str) -> Difference:
    codes = UsageCodes(
        claim.service,
        claim.subscription,
        claim.metric,
        claim.period_start,
        claim.usage_start,
    )
    subject = name_usage(codes)
    values = show(reason), "not compared"
    return Difference(
        claim.service, "usage", "failed", subject, "rating", *values, REFUSED
    )


def _wrong_answer(method: str) -> OdooMisconfiguredError:
    return OdooMisconfiguredError(
        f"{method} answered something else than rows of usage; another version of the "
        "addon is installed in Odoo"
    )
