"""`fusion-billing drift`: whether the ledger and Odoo say the same (P9)."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import structlog

from deploy.options import state_option
from deploy.stack import find_stack
from ledger.db import Connection
from ledger.db import connect as connect_ledger
from ledger.drift import known_services, lock_drift
from odoo_bridge.client import OdooClient, connect
from odoo_bridge.difference import Difference, Page
from odoo_bridge.drift import PULL_PAUSE_SECONDS, Findings, find_drift
from odoo_bridge.drift_repair import BY_HAND, RIGHT, outcome_of, repair_usage
from odoo_bridge.errors import OdooError
from odoo_bridge.pull import pull_catalog
from schemas.settings import Settings


class _Failure(click.ClickException):
    """It could not be compared: exit status 2, since 1 says that it differs."""

    exit_code = 2


@click.command
@click.option("--service", help="Only this service.")
@click.option(
    "--repair", is_flag=True, help="Push the ledger's usage rows again, pull."
)
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line.")
@state_option
def cli(service: str | None, repair: bool, as_json: bool, state: Path | None) -> None:
    """Compare every rollup, the catalog and what invoices bill with Odoo.

    What is on its way is no difference. What is found goes into Odoo's list of checks
    as well. With --repair, usage rows that differ or were deleted in Odoo are pushed
    again, and the catalog is pulled; rows that only Odoo has and invoices are left to a
    person.

    Exit status 0 when nothing differs, or all was put right; 1 when anything differs; 2
    when it could not be compared.
    """
    settings = find_stack(state).settings
    show = _print_json if as_json else _print_text
    try:
        with (
            _logs_on_stderr(),
            connect(settings) as client,
            _alone(settings) as conn,
        ):
            _require_service(conn, service)
            left, compared = _compare(client, conn, settings, service, repair, show)
    except OdooError as error:
        raise _Failure(f"{error} ({type(error).__name__})") from error
    if left:
        click.echo(f"{left} differences; {compared} compared", err=True)
        sys.exit(1)
    if not as_json:
        click.echo(f"the ledger and Odoo agree; {compared} compared")


def _compare(
    client: OdooClient,
    conn: Connection,
    settings: Settings,
    service: str | None,
    repair: bool,
    show: Callable[[Difference, str | None], None],
) -> tuple[int, int]:
    """How many differences are left, and how many things were compared."""
    findings = Findings(client, conn, service, datetime.now(UTC))

    def between() -> None:
        if repair:
            pull_catalog(client, settings.database_url, datetime.now(UTC))
            click.echo("catalog differs: pulled it, looking again", err=True)
            return
        seconds = f"{PULL_PAUSE_SECONDS:.0f} s"
        click.echo(f"catalog differs: looking again in {seconds}", err=True)
        time.sleep(PULL_PAUSE_SECONDS)

    for page in find_drift(client, conn, service, between):
        outcomes: dict[Any, str] = {}
        if repair and any(d.rollup for d in page.differences):
            outcomes = repair_usage(
                client, conn, settings.database_url, page.differences, _now
            )
        left = []
        for found in page.differences:
            outcome = outcome_of(found, outcomes) if repair else None
            show(found, outcome)
            if outcome != RIGHT:
                left.append(found)
        findings.add(Page(page.compared, tuple(left)))
    findings.finish()
    return findings.total, findings.compared


@contextmanager
def _logs_on_stderr() -> Iterator[None]:
    """Standard output is for what was found alone."""
    before = structlog.get_config()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        yield
    finally:
        structlog.configure(**before)


@contextmanager
def _alone(settings: Settings) -> Iterator[Connection]:
    """A connection to the ledger that has the comparison to itself."""
    with connect_ledger(settings.database_url) as conn:
        conn.autocommit = True
        if not lock_drift(conn):
            raise _Failure("another comparison runs; try again when it has ended")
        yield conn


def _require_service(conn: Connection, service: str | None) -> None:
    if service is not None and service not in known_services(conn):
        raise _Failure(f"no service {service!r} in the ledger")


def _now() -> datetime:
    return datetime.now(UTC)


def _print_text(found: Difference, outcome: str | None) -> None:
    """A line of where and what, and one of what to do, or what was done."""
    click.echo(
        f"{found.service}: {found.level}: {found.kind} {found.subject}: {found.field}: "
        f"ledger {found.ledger_value}, Odoo {found.odoo_value}"
    )
    says = f"{outcome}: {found.advice}" if outcome == BY_HAND else outcome
    click.echo("; ".join(filter(None, (f"  {says or found.advice}", found.note))))


def _print_json(found: Difference, outcome: str | None) -> None:
    values = asdict(found)
    del values["rollup"]
    click.echo(json.dumps({**values, "outcome": outcome}, ensure_ascii=False))
