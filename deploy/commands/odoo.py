"""`fusion-billing odoo`: what the bridge finds in Odoo."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.table import Table

from deploy.console import output_console
from deploy.odoo_view import describe_found
from deploy.options import state_option
from deploy.stack import find_stack
from odoo_bridge.check import check_odoo

MAX_SECONDS = 20.0
"""A person waits for it."""


@click.group
def cli() -> None:
    """The bridge's side of Odoo."""


@cli.command()
@state_option
@click.pass_context
def check(context: click.Context, state: Path | None) -> None:
    """Say which Odoo, addon, user and key there are, and what is wrong with them.

    Exit status 0 when the bridge can work, warnings or not; 1 for each problem that
    holds it up, a line apiece. Nothing is changed.
    """
    settings = find_stack(state).settings
    seconds = min(settings.odoo_timeout_seconds, MAX_SECONDS)
    settings = replace(settings, odoo_timeout_seconds=seconds)
    report = check_odoo(settings, lambda: datetime.now(UTC))
    table = Table("what", "state", show_header=False)
    table.add_row("where", report.where)
    if report.found is not None:
        for what, found in describe_found(report.found, datetime.now(UTC)):
            table.add_row(what, found)
    output_console().print(table)
    for warning in report.warnings:
        click.echo(f"warning: {warning}", err=True)
    for problem in report.problems:
        click.echo(f"problem: {problem}", err=True)
    context.exit(1 if report.problems else 0)
