"""The demo: this machine, metered as a host, all the way to Odoo and back.

Every second the meter is read and pushed over HTTP, as an app would; every fifth batch
is pushed twice, as an app does that never saw the answer. At the end the demo waits
until everything has arrived, and holds ledger, Odoo and receipts against each other.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from importlib.resources import as_file, files
from pathlib import Path

import httpx
from rich.console import Console
from rich.live import Live

from deploy.demo_meter import SUBSCRIPTION, start_meter
from deploy.demo_pusher import Pusher
from deploy.demo_receiver import DemoReceiver
from deploy.demo_view import OdooKey, View, draw, line
from deploy.stack import Stack
from ledger.current_usage import current_usage
from ledger.db import connect
from ledger.endpoints import create_endpoint, disable_endpoint, list_endpoints
from ledger.keys import authenticate, create_key, revoke_key
from ledger.rollups import Rollup, rollups_of_service
from ledger.status import read_status
from ledger.verify import verify_books
from odoo_bridge.catalog_load import load_catalog_file
from odoo_bridge.client import OdooClient
from odoo_bridge.client import connect as connect_odoo
from odoo_bridge.errors import OdooError

SERVICE = "nexacloud"
CUSTOMER = "demo-customer"
PLAN_PRICE = Decimal(20)
SETTLE_SECONDS = 60
LINE_EVERY_SECONDS = 5
REQUEST_SECONDS = 10


@dataclass(frozen=True)
class Demo:
    """What a running demo holds on to."""

    stack: Stack
    service_id: int
    counters_before: int
    pusher: Pusher
    receiver: DemoReceiver
    odoo: OdooClient


def run_demo(stack: Stack, seconds: float | None) -> int:
    """Run until Ctrl-C, or for ``seconds``; returns the exit status.

    0 only if, after all has arrived, the ledger holds what was accepted, Odoo holds
    the ledger's rollups, each webhook was verified, and ``verify`` finds no mismatch.
    """
    console = Console(highlight=False)
    with _prepared(stack, console) as demo:
        try:
            _meter(demo, seconds, console)
        except (KeyboardInterrupt, SystemExit):
            console.print("ending: waiting until everything has arrived")
        return _settle(demo, console)


@contextmanager
def _prepared(stack: Stack, console: Console) -> Iterator[Demo]:
    settings = stack.settings
    with connect_odoo(settings) as odoo, DemoReceiver() as receiver:
        console.print("loading the catalog into Odoo and pulling it back")
        with _catalog_file() as path:
            load_catalog_file(path, odoo, settings.database_url)
        with connect(settings.database_url) as conn:
            for old in list_endpoints(conn, SERVICE):
                disable_endpoint(conn, old.id, datetime.now(UTC), "a demo before")
            endpoint = create_endpoint(
                conn,
                SERVICE,
                receiver.url,
                (),
                secret_key=settings.secret_key,
                allow_loopback=True,
            )
            key = create_key(conn, SERVICE, ())
            principal = authenticate(conn, key)
            assert principal is not None  # noqa: S101 - made one statement ago
            before = _count(rollups_of_service(conn, principal.service_id))
        receiver.trust(endpoint.secret)
        headers = {"Authorization": f"Bearer {key}"}
        base = f"{stack.api_url}/api/billing/v1/"
        with httpx.Client(
            base_url=base, headers=headers, timeout=REQUEST_SECONDS
        ) as client:
            pusher = Pusher(client)
            yield Demo(stack, principal.service_id, before, pusher, receiver, odoo)
        with connect(settings.database_url) as conn:
            disable_endpoint(conn, endpoint.id, datetime.now(UTC), "the demo ended")
            revoke_key(conn, key.split("_")[1])


@contextmanager
def _catalog_file() -> Iterator[Path]:
    with as_file(files("deploy") / "demo_catalog.yaml") as path:
        yield path


def _meter(demo: Demo, seconds: float | None, console: Console) -> None:
    meter = start_meter()
    begun = next_reading = time.monotonic()
    next_line = begun
    live = Live(console=console, auto_refresh=False) if console.is_terminal else None
    if live:
        live.start()
    try:
        while seconds is None or time.monotonic() - begun < seconds:
            next_reading += 1
            time.sleep(max(next_reading - time.monotonic(), 0))
            demo.pusher.push(meter.read())
            view = _look(demo)
            if live:
                live.update(draw(view), refresh=True)
            elif time.monotonic() >= next_line:
                next_line += LINE_EVERY_SECONDS
                console.print(line(view))
    finally:
        if live:
            live.stop()


def _look(demo: Demo) -> View:
    counts = demo.receiver.counts
    with connect(demo.stack.database_url) as conn:
        usage = current_usage(
            conn, demo.service_id, CUSTOMER, SUBSCRIPTION, datetime.now(UTC)
        )
        rollups = tuple(rollups_of_service(conn, demo.service_id))
        waiting = read_status(conn).batches_waiting
    problem = demo.pusher.problem
    try:
        in_odoo = _read_odoo(demo.odoo)
    except OdooError as error:
        in_odoo, problem = {}, f"Odoo: {error}"
    return View(
        pushed=demo.pusher.pushed,
        accepted=demo.pusher.accepted,
        duplicates=demo.pusher.duplicates,
        waiting_batches=waiting,
        rollups=rollups,
        odoo=in_odoo,
        usage=usage,
        plan_price=PLAN_PRICE,
        webhooks_received=counts.received,
        webhooks_verified=counts.verified,
        flower=str((demo.stack.addresses or {}).get("flower", "not started")),
        problem=problem,
    )


def _read_odoo(odoo: OdooClient) -> dict[OdooKey, Decimal]:
    rows = odoo.repeat(
        "fusion.billing.usage",
        "search_read",
        domain=[
            ["subscription_id.x_fc_external_id", "=", SUBSCRIPTION],
            ["correction_of", "=", False],
        ],
        fields=["metric_id", "period_start", "quantity"],
    )
    names = odoo.repeat(
        "fusion.billing.metric",
        "search_read",
        domain=[["service_id.code", "=", SERVICE]],
        fields=["code"],
    )
    codes = {row["id"]: row["code"] for row in names}
    return {
        (
            codes[row["metric_id"][0]],
            datetime.strptime(row["period_start"], "%Y-%m-%d %H:%M:%S").replace(
                tzinfo=UTC
            ),
        ): Decimal(str(row["quantity"]))
        for row in rows
    }


def _settle(demo: Demo, console: Console) -> int:
    """Wait until all has arrived, then judge; says what does not agree."""
    deadline = time.monotonic() + SETTLE_SECONDS
    faults = _faults(demo)
    while faults and time.monotonic() < deadline:
        time.sleep(0.5)
        demo.pusher.send_unsent()
        faults = _faults(demo)
    console.print(draw(_look(demo)))
    with connect(demo.stack.database_url) as conn:
        for proof in verify_books(conn, SERVICE):
            faults += [f"{m.kind} {m.where}: {m.problem}" for m in proof.mismatches]
    for fault in faults:
        console.print(f"[red]{fault}[/red]")
    if not faults:
        console.print("ledger, Odoo and verify agree")
    return 1 if faults else 0


def _faults(demo: Demo) -> list[str]:
    view = _look(demo)
    with connect(demo.stack.database_url) as conn:
        status = read_status(conn)
    faults = []
    if demo.pusher.unsent:
        faults.append(f"{len(demo.pusher.unsent)} batches were not taken by the API")
    if not view.accepted:
        faults.append("no counter was accepted")
    if status.batches_waiting or status.batches_dead:
        faults.append(
            f"{status.batches_waiting} batches wait, {status.batches_dead} are dead"
        )
    counted = _count(view.rollups) - demo.counters_before
    if counted != view.accepted:
        faults.append(f"{view.accepted} counters accepted, {counted} in the ledger")
    if not view.agrees:
        faults.append("Odoo's rollups are not the ledger's")
    if view.webhooks_received != view.webhooks_verified or not view.webhooks_received:
        faults.append(
            f"{view.webhooks_received} webhooks came, {view.webhooks_verified} verified"
        )
    if view.problem:
        faults.append(view.problem)
    return faults


def _count(rollups: Iterable[Rollup]) -> int:
    return sum(rollup.counters for rollup in rollups)
