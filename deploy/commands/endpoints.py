"""`fusion-billing endpoints`: where a service's webhooks go."""

import socket
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import click
from rich.table import Table

from deploy.console import output_console
from deploy.options import state_option
from deploy.stack import find_stack
from ledger.db import connect
from ledger.endpoints import (
    EndpointExists,
    EndpointUnknown,
    EventTypeInvalid,
    create_endpoint,
    disable_endpoint,
    enable_endpoint,
    list_endpoints,
)
from ledger.keys import ServiceUnknown
from ledger.targets import UrlRefused, check_addresses, check_url


@click.group
def cli() -> None:
    """Endpoints: the URLs that a service's signed webhooks go to."""


@cli.command()
@click.argument("service")
@click.argument("url")
@click.option(
    "--event-type",
    "event_types",
    multiple=True,
    metavar="T",
    help="Send only events of this type, like invoice.paid; may be repeated.",
)
@click.option(
    "--body-style",
    type=click.Choice(["standard", "lago"]),
    default="standard",
    show_default=True,
    help="The shape of the bodies: Standard Webhooks', or Lago's.",
)
@click.option(
    "--signature-algo",
    type=click.Choice(["hmac", "jwt"]),
    default="hmac",
    show_default=True,
    help="What X-Lago-Signature holds; webhook-signature is there in any case.",
)
@state_option
def create(
    service: str,
    url: str,
    event_types: tuple[str, ...],
    body_style: str,
    signature_algo: str,
    state: Path | None,
) -> None:
    """Send SERVICE's webhooks to URL, and print the secret that signs them.

    The secret, whsec_…, cannot be shown again.
    """
    stack = find_stack(state)
    settings = stack.settings
    try:
        _check_target(url, allow_loopback=settings.webhook_allow_loopback)
        with connect(stack.database_url) as conn:
            endpoint = create_endpoint(
                conn,
                service,
                url,
                event_types,
                secret_key=settings.secret_key,
                allow_loopback=settings.webhook_allow_loopback,
                body_style=body_style,
                signature_algo=signature_algo,
            )
    except ServiceUnknown as error:
        raise click.ClickException(
            f"no service {service!r} in the ledger; load a catalog that has it: "
            "`fusion-billing catalog load FILE.yaml`"
        ) from error
    except (UrlRefused, EventTypeInvalid, EndpointExists) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"endpoint {endpoint.id} of {service}; its secret:", err=True)
    click.echo(endpoint.secret)


@cli.command("list")
@click.option("--service", help="Only the endpoints of this service.")
@state_option
def list_(service: str | None, state: Path | None) -> None:
    """Show each endpoint, whether it is enabled, and what waits or died there."""
    with connect(find_stack(state).database_url) as conn:
        endpoints = list_endpoints(conn, service)
    table = Table("id", "service", "url", "event types", "state", "pending", "dead")
    for column in table.columns[:3]:
        column.overflow = "fold"
    for row in endpoints:
        table.add_row(
            str(row.id),
            row.service,
            row.url,
            " ".join(row.event_types) or "all",
            "enabled" if row.enabled else f"disabled: {row.disabled_reason}",
            str(row.pending),
            str(row.dead),
        )
    output_console().print(table)


@cli.command()
@click.argument("endpoint_id", metavar="ID", type=click.UUID)
@state_option
def disable(endpoint_id: UUID, state: Path | None) -> None:
    """Send nothing to endpoint ID any more; what waits stays until it is enabled."""
    with connect(find_stack(state).database_url) as conn:
        try:
            disable_endpoint(conn, endpoint_id, datetime.now(UTC), "by an operator")
        except EndpointUnknown as error:
            raise _unknown(endpoint_id) from error
    click.echo(f"disabled {endpoint_id}", err=True)


@cli.command()
@click.argument("endpoint_id", metavar="ID", type=click.UUID)
@state_option
def enable(endpoint_id: UUID, state: Path | None) -> None:
    """Send to endpoint ID again, what has waited included."""
    with connect(find_stack(state).database_url) as conn:
        try:
            enable_endpoint(conn, endpoint_id)
        except EndpointUnknown as error:
            raise _unknown(endpoint_id) from error
    click.echo(f"enabled {endpoint_id}", err=True)


def _check_target(url: str, *, allow_loopback: bool) -> None:
    """Refuse early what the pump would refuse to dial; warn about a silent name."""
    host = check_url(url, allow_loopback=allow_loopback)
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        click.echo(
            f"warning: {host} does not resolve now; sending there fails", err=True
        )
        return
    addresses = [ip_address(info[4][0]) for info in found]
    check_addresses(addresses, urlsplit(url).scheme, allow_loopback=allow_loopback)


def _unknown(endpoint_id: UUID) -> click.ClickException:
    return click.ClickException(
        f"no endpoint {endpoint_id}; see `fusion-billing endpoints list`"
    )
