"""`fusion-billing catalog`: what is metered and charged, from a file into Odoo."""

from pathlib import Path

import click
from rich.table import Table

from deploy.console import output_console
from deploy.options import state_option
from deploy.stack import find_stack
from odoo_bridge.catalog_load import (
    STATUSES,
    CatalogFileError,
    Report,
    load_catalog_file,
)
from odoo_bridge.client import connect
from odoo_bridge.errors import OdooError


@click.group
def cli() -> None:
    """Services, metrics, plans, customers and subscriptions."""


@cli.command()
@click.argument("file", type=click.Path(path_type=Path))
@state_option
@click.pass_context
def load(context: click.Context, file: Path, state: Path | None) -> None:
    """Write FILE into Odoo and pull it back; again changes nothing.

    Exit status 1 when the file has faults, each with its path in the file: then nothing
    is written. 1 as well for what Odoo refuses, or when it does not answer.
    """
    settings = find_stack(state).settings
    try:
        with connect(settings) as client:
            report = load_catalog_file(file, client, settings.database_url)
    except CatalogFileError as error:
        for fault in error.faults:
            click.echo(f"{file}: {fault}", err=True)
        click.echo(f"faults: {len(error.faults)}; nothing was written", err=True)
        context.exit(1)
    except OdooError as error:
        raise click.ClickException(f"{error} ({type(error).__name__})") from error
    _print_counts(report)
    for fault in report.faults:
        click.echo(f"{file}: {fault}", err=True)
    context.exit(1 if report.faults else 0)


def _print_counts(report: Report) -> None:
    table = Table("kind", *STATUSES)
    for kind, counts in report.counts.items():
        table.add_row(kind, *(str(counts[status]) for status in STATUSES))
    output_console().print(table)
