"""`fusion-billing status`: what runs, what waits, what is dead."""

import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import httpx
from rich.table import Table

from deploy.broker import BrokerAway, count_dead_letters
from deploy.console import output_console
from deploy.odoo_view import describe_check
from deploy.options import state_option
from deploy.stack import Stack, find_stack
from ledger.db import Connection, connect
from ledger.odoo_check import read_check
from ledger.status import (
    Sync,
    WaitingPeriod,
    first_deleted,
    read_status,
    read_syncs,
    read_waiting_bills,
)

TIMEOUT_SECONDS = 5
SYNCS = {
    "push": "pushed rollups",
    "close": "closed periods",
    "drift": "compared with Odoo",
}
"""What an exchange with Odoo did; all others pulled a kind of record."""
BILL_WAIT = timedelta(days=1)
"""A frozen period without its invoice for that long is shown with what it waits for."""
SHOWN_BILLS = 10
NAMES_SHOWN = 5


@click.command
@state_option
def cli(state: Path | None) -> None:
    """Show the state of the API, its dependencies, the ledger and the broker.

    Exit status 0 when all is well, 1 when something is away or dead.
    """
    stack = find_stack(state)
    health = _read_health(stack)
    with connect(stack.database_url) as conn:
        numbers = asdict(read_status(conn))
        syncs = read_syncs(conn)
        deleted = {s.kind: _show_deleted(conn, s) for s in syncs if s.deleted}
        now = datetime.now(UTC)
        waiting = read_waiting_bills(conn, now - BILL_WAIT, SHOWN_BILLS)
        check = read_check(conn)
    table = Table("what", "state", show_header=False)
    for name, value in health.items():
        table.add_row(name, value)
    for name, value in numbers.items():
        table.add_row(name.replace("_", " "), _show(value, now))
    for sync in syncs:
        when = f"{sync.synced_at:%Y-%m-%d %H:%M:%S} UTC" if sync.synced_at else "never"
        what = SYNCS.get(sync.kind, f"pulled {sync.kind}")
        failed = f"fails: {sync.error} (last well: {when})"
        table.add_row(what, failed if sync.error else when)
        if sync.kind in deleted:
            table.add_row(f"deleted in Odoo: {sync.kind}", deleted[sync.kind])
    for bill in waiting:
        start = f"{bill.period_start:%Y-%m-%d %H:%M}"
        whose = f"{bill.subscription} of {bill.service} from {start}"
        table.add_row(f"no invoice: {whose}", _why(bill, now))
    for what, found in describe_check(check, now):
        table.add_row(what, found)
    set_aside = _read_set_aside(stack)
    table.add_row("set aside by the broker", set_aside)
    output_console().print(table)
    well = all(value == "ok" for value in health.values()) and set_aside == "0"
    if not well or numbers["batches_dead"] or numbers["dead_letters"]:
        sys.exit(1)


def _why(bill: WaitingPeriod, now: datetime) -> str:
    return f"{bill.reason} (frozen {_show(bill.since, now)})"


def _show(value: int | datetime | None, now: datetime) -> str:
    """A number, or an instant with how long ago it was."""
    if isinstance(value, datetime):
        age = timedelta(seconds=(now - value) // timedelta(seconds=1))
        return f"{value:%Y-%m-%d %H:%M:%S} UTC, {age} ago"
    return "none" if value is None else str(value)


def _show_deleted(conn: Connection, sync: Sync) -> str:
    """How many, and the first of them; the ledger keeps them, and what they meter."""
    names = ", ".join(first_deleted(conn, sync.kind, NAMES_SHOWN))
    more = ", …" if sync.deleted > NAMES_SHOWN else ""
    return f"{sync.deleted}, kept in the ledger: {names}{more}"


def _read_set_aside(stack: Stack) -> str:
    """How many messages no worker could take at all, or why that is not known."""
    try:
        return str(count_dead_letters(stack.settings))
    except BrokerAway as error:
        return f"the broker does not answer: {error}"


def _read_health(stack: Stack) -> dict[str, str]:
    """State by part; the API's own word where it answers."""
    try:
        answer = httpx.get(f"{stack.api_url}/health", timeout=TIMEOUT_SECONDS).json()
    except (httpx.HTTPError, ValueError) as error:
        return {"api": f"does not answer: {error}"}
    parts = {"api": str(answer["status"])}
    for name, dependency in answer["dependencies"].items():
        parts[name] = str(dependency["state"])
    return parts
