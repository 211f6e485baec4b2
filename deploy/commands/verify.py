"""`fusion-billing verify`: proves the books, bills and seals (P4, P8)."""

import sys
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from deploy.options import PERIOD_METAVAR, read_period, state_option
from deploy.stack import find_stack
from ledger.db import connect
from ledger.keys import ServiceUnknown
from ledger.verify import ServiceProof, verify_books
from ledger.verify_page import Days

COLUMNS = (
    "batches",
    "received",
    "applied",
    "duplicate",
    "conflict",
    "rejected",
    "parked",
    "counters",
    "voided",
    "archived",
    "waiting",
    "dead",
)


@click.command
@click.option("--service", help="Only this service.")
@click.option(
    "--period",
    metavar=PERIOD_METAVAR,
    callback=read_period,
    help="Only rollups, bills and seals of periods with a part in it.",
)
@state_option
def cli(service: str | None, period: Days | None, state: Path | None) -> None:
    """Recompute every receipt, rollup, bill and seal from the counters.

    A period is named by a day, month or year of its subscription's own timezone.
    Receipts are always checked, all of them; so are the links between the seals.

    Exit status 0 when all agree, 1 when anything differs; each difference is named.
    """
    url = find_stack(state).database_url
    with (
        Progress(console=Console(stderr=True), transient=True) as bar,
        connect(url) as conn,
    ):
        tasks = {}

        def show(code: str, done: int, total: int) -> None:
            if code not in tasks:
                tasks[code] = bar.add_task(code, total=total)
            bar.update(tasks[code], completed=done)

        try:
            proofs = verify_books(conn, service, show, period)
        except ServiceUnknown as error:
            raise click.ClickException(
                f"no service {service!r} in the ledger"
            ) from error
    _print_proofs(proofs)
    wrong = sum(len(proof.mismatches) for proof in proofs)
    if wrong:
        click.echo(f"{wrong} mismatches: the books do not agree", err=True)
        sys.exit(1)
    click.echo("the books agree")


def _print_proofs(proofs: list[ServiceProof]) -> None:
    """A line per service, of any width: names and figures are never cut."""
    for proof in proofs:
        sums = ", ".join(f"{getattr(proof, name)} {name}" for name in COLUMNS)
        click.echo(f"{proof.service}: {sums}")
        for mismatch in proof.mismatches:
            click.echo(f"  {mismatch.kind} {mismatch.where}: {mismatch.problem}")
