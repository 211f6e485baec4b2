"""`fusion-billing keys`: make, list and revoke API keys."""

from pathlib import Path

import click
from rich.table import Table

from deploy.console import output_console
from deploy.options import state_option
from deploy.stack import find_stack
from ledger.db import connect
from ledger.keys import (
    SCOPES,
    KeyUnknown,
    ServiceUnknown,
    create_key,
    list_keys,
    revoke_key,
)


@click.group
def cli() -> None:
    """Keys that apps push and read with."""


@cli.command()
@click.argument("service")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(SCOPES))
@state_option
def create(service: str, scopes: tuple[str, ...], state: Path | None) -> None:
    """Make a key for SERVICE and print it; it cannot be shown again."""
    with connect(find_stack(state).database_url) as conn:
        try:
            key = create_key(conn, service, scopes)
        except ServiceUnknown as error:
            raise click.ClickException(
                f"no service {service!r} in the ledger; load a catalog that has it: "
                "`fusion-billing catalog load FILE.yaml`"
            ) from error
    click.echo(key)


@cli.command("list")
@click.option("--service", help="Only the keys of this service.")
@state_option
def list_(service: str | None, state: Path | None) -> None:
    """Show prefix, service, scopes and dates of the keys; never the keys."""
    with connect(find_stack(state).database_url) as conn:
        keys = list_keys(conn, service)
    table = Table("prefix", "service", "scopes", "created", "revoked")
    for key in keys:
        revoked = f"{key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else ""
        created = f"{key.created_at:%Y-%m-%d %H:%M}"
        table.add_row(key.prefix, key.service, " ".join(key.scopes), created, revoked)
    output_console().print(table)


@cli.command()
@click.argument("prefix")
@state_option
def revoke(prefix: str, state: Path | None) -> None:
    """Revoke the key that begins with PREFIX (as listed, or the whole key)."""
    wanted = prefix.split("_")[1] if prefix.startswith("fb_") else prefix
    with connect(find_stack(state).database_url) as conn:
        try:
            revoke_key(conn, wanted)
        except KeyUnknown as error:
            raise click.ClickException(
                f"no key has the prefix {wanted!r}; see `fusion-billing keys list`"
            ) from error
    click.echo(f"revoked {wanted}", err=True)
