"""Whether the ledger and Odoo say the same, and what does not.

All of it by pages, so that memory does not grow with the number of rollups: rollups
against Odoo's rows, Odoo's rows against rollups, what Odoo refuses, then the catalog.
Nothing here changes anything but notes of what was found.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

import structlog

from ledger.catalog import mark_sync_failed, mark_synced
from ledger.db import Connection
from ledger.drift import SYNC_KIND, DriftReport, known_services, store_reports
from odoo_bridge.client import OdooClient
from odoo_bridge.difference import Difference, Page
from odoo_bridge.drift_catalog import compare_catalog
from odoo_bridge.drift_usage import compare_usage, find_refused, find_unknown
from odoo_bridge.faults import one_line
from schemas.odoo_rows import odoo_time

FINDINGS: Final = "fusion.billing.reconciliation"
KINDS: Final = ("usage", "catalog", "invoice")
MAX_STORED: Final = 1_000
"""Differences that one comparison puts into Odoo: of more, a person reads none."""
CALL_ROWS: Final = 200
PULL_PAUSE_SECONDS: Final = 45.0
"""Longer than from one pull to the next."""

log = structlog.get_logger(__name__)


def find_drift(
    client: OdooClient,
    conn: Connection,
    service: str | None,
    between: Callable[[], None],
) -> Iterator[Page]:
    """All differences of one service or of all, as they are found.

    ``between``: see compare_catalog. Raises OdooError.
    """
    yield from compare_usage(client, conn, service)
    yield from find_unknown(client, conn, service)
    yield find_refused(conn, service)
    yield from compare_catalog(client, conn, service, between)


class Findings:
    """Puts what is found into Odoo, and in the end notes in the ledger how much it was.

    Twice is once: a difference has one row in Odoo, and is brought up to date.
    """

    def __init__(
        self, client: OdooClient, conn: Connection, service: str | None, now: datetime
    ) -> None:
        self._client = client
        self._conn = conn
        self._service = service
        self._began = now.replace(microsecond=0)
        self._compared: Counter[str] = Counter()
        self._levels: Counter[tuple[str, str]] = Counter()
        self._stored = 0

    @property
    def total(self) -> int:
        """How many differences were added."""
        return self._levels.total()

    @property
    def compared(self) -> int:
        """How many things were compared."""
        return self._compared.total()

    def add(self, page: Page) -> None:
        """Count a page, and put its differences into Odoo, up to 1,000 of them all."""
        self._compared.update(page.compared)
        self._levels.update((found.service, found.level) for found in page.differences)
        room = page.differences[: MAX_STORED - self._stored]
        self._stored += len(room)
        for first in range(0, len(room), CALL_ROWS):
            self._store(room[first : first + CALL_ROWS])

    def finish(self) -> None:
        """Mark in Odoo what is gone, and note the sums in the ledger."""
        known = set(known_services(self._conn)) if self._service is None else set()
        services = {service for service, _ in self._levels} | set(self._compared)
        services |= known | ({self._service} if self._service else set())
        if self.total <= MAX_STORED:
            self._client.repeat(
                FINDINGS,
                "resolve_findings",
                services=sorted(services),
                kinds=list(KINDS),
                before=odoo_time(self._began),
            )
        reports = {service: self._report(service) for service in sorted(services)}
        with self._conn.transaction():
            store_reports(
                self._conn, reports, self._began, all_of=self._service is None
            )
            if self._service is None:
                self._note()

    def _report(self, service: str) -> DriftReport:
        drift, warnings, failed = (
            self._levels[service, level] for level in ("drift", "warning", "failed")
        )
        return DriftReport(self._compared[service], drift, warnings, failed)

    def _note(self) -> None:
        mark_synced(self._conn, SYNC_KIND, self._began)
        if self.total:
            text = f"{self.total} differences; see fusion-billing drift"
            mark_sync_failed(self._conn, SYNC_KIND, text, self._began)

    def _store(self, differences: tuple[Difference, ...]) -> None:
        rows = [
            {
                "service": found.service,
                "kind": found.kind,
                "level": found.level,
                "subject": found.subject,
                "field": found.field,
                "ledger_value": found.ledger_value,
                "odoo_value": found.odoo_value,
                "usage": found.usage_id or False,
                "checked_at": odoo_time(self._began),
            }
            for found in differences
        ]
        for result in self._client.repeat(FINDINGS, "store_findings", rows=rows):
            if result["status"] == "error":
                reason = one_line(str(result["reason"]))
                log.warning("drift_not_stored", reason=reason, **rows[result["index"]])
