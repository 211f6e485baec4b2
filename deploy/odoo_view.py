"""What is known of Odoo, as rows of a table."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from ledger.odoo_check import OdooCheck, describe_expiry, expires_soon
from odoo_bridge.check_report import Found

Row = tuple[str, str]


def describe_found(found: Found, now: datetime) -> Iterator[Row]:
    """What a check has found."""
    yield "Odoo", found.odoo
    yield "addon", found.addon
    for name, state in found.modules.items():
        yield name, state or "not there"
    yield "user", found.user
    yield "company", found.company
    yield "API key", _describe_key(found.key_known, found.key_expires_at, now)
    seconds = found.clock_difference // timedelta(seconds=1)
    yield "Odoo's clock", f"{seconds:+d} s to the ledger's, within a second or two"


def describe_check(check: OdooCheck | None, now: datetime) -> Iterator[Row]:
    """The last check of all, as the ledger keeps it."""
    if check is None:
        yield "Odoo's check", "never"
        return
    when = f"{check.checked_at:%Y-%m-%d %H:%M:%S} UTC"
    known = f"{check.odoo}, addon {check.addon}" if check.odoo else "never reached"
    if check.problem is None:
        yield "Odoo's check", f"well: {known} ({when})"
    else:
        yield "Odoo's check", f"fails: {check.problem} ({when}; {known})"
    if check.key_expires_at is not None:
        expiry = describe_expiry(check.key_expires_at, now)
        soon = expires_soon(check.key_expires_at, now)
        yield "Odoo's API key", f"{expiry}{'; make a new one' if soon else ''}"


def _describe_key(known: bool, expires_at: datetime | None, now: datetime) -> str:
    if not known:
        return "not known to Odoo by its start"
    return "never expires" if expires_at is None else describe_expiry(expires_at, now)
