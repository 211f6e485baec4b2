"""`fusion-billing bill-again`: bill anew what a lost invoice had billed."""

from datetime import UTC, datetime
from pathlib import Path

import click

from deploy.options import state_option
from deploy.stack import find_stack
from ledger.closed import bill_again
from ledger.db import connect


@click.command
@click.argument("service")
@click.argument("invoice_id", type=click.IntRange(1, 2**31 - 1))
@state_option
def cli(service: str, invoice_id: int, state: Path | None) -> None:
    """Bill again what SERVICE had on Odoo's invoice with INVOICE_ID.

    For an invoice that was deleted, cancelled or cut in Odoo, as `fusion-billing
    drift` tells. The bridge makes a new draft, or adds to the old one what is missing;
    nothing that another line bills is billed again.
    """
    with connect(find_stack(state).database_url) as conn:
        found = bill_again(conn, service, invoice_id, datetime.now(UTC))
    if not found:
        raise click.ClickException(
            f"no period of service {service!r} was billed on invoice {invoice_id}; "
            "see `fusion-billing drift`"
        )
    click.echo(f"due again: {found} subscriptions' periods", err=True)
