"""Comparing while counters flow, rows are pushed and prices change: no false alarm."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger.db import connect as connect_ledger
from odoo_bridge.client import connect
from odoo_bridge.drift import find_drift
from odoo_bridge.pull import pull_catalog
from odoo_bridge.push import push_rollups
from tests.bridge_world import Bridge, bridge_to, now, target_settings
from tests.contract.odoo_target import OdooTarget
from tests.ledger_world import counter, make_message, push

ROUNDS = 20


@contextmanager
def running(*works: Callable[[threading.Event], None]) -> Iterator[None]:
    """Do these in threads of their own while the block runs; their failure is ours."""
    done = threading.Event()
    failures: list[BaseException] = []

    def run(work: Callable[[threading.Event], None]) -> None:
        try:
            work(done)
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join(timeout=60)
    assert failures == []


def test_a_pair_that_converges_all_the_time_reports_nothing(
    standin: OdooTarget, database_url: str, tmp_path: Path
) -> None:
    with bridge_to(standin, database_url, tmp_path, "json2") as bridge:
        looks, compared = 0, 0
        with (
            running(
                lambda done: fold(bridge, done),
                lambda done: push_all(standin, bridge, done),
                lambda done: change_prices(standin, bridge, done),
            ),
            connect_ledger(database_url) as conn,
        ):
            conn.autocommit = True
            while looks < ROUNDS:
                pages = find_drift(bridge.client, conn, bridge.world.code, lambda: None)
                for page in pages:
                    compared += page.compared.get(bridge.world.code, 0)
                    usage = [d for d in page.differences if d.kind == "usage"]
                    assert usage == []
                looks += 1

        assert compared > ROUNDS
        push_rollups(bridge.client, database_url, now)
        pull_catalog(bridge.client, database_url, now())
        push_rollups(bridge.client, database_url, now)
        with connect_ledger(database_url) as conn:
            conn.autocommit = True
            pages = find_drift(bridge.client, conn, bridge.world.code, lambda: None)
            assert [found for page in pages for found in page.differences] == []


def fold(bridge: Bridge, done: threading.Event) -> None:
    """Counters for both subscriptions, batch after batch."""
    number = 0
    with connect_ledger(bridge.database_url) as conn:
        while not done.wait(0.02):
            number += 1
            name = bridge.world.subscriptions[number % 2]
            item = counter(f"n{number}", value="3.5", subscription=name)
            push(conn, make_message(bridge.world, [item]))


def push_all(odoo: OdooTarget, bridge: Bridge, done: threading.Event) -> None:
    """As a worker does, with a client of its own."""
    with connect(target_settings(odoo)) as client:
        while not done.wait(0.01):
            push_rollups(client, bridge.database_url, now)


def change_prices(odoo: OdooTarget, bridge: Bridge, done: threading.Event) -> None:
    """What a person may do in Odoo, and the pulls after it."""
    domain = [["plan_id.service_id.code", "=", bridge.world.code]]
    charges = odoo.ask("fusion.billing.charge", "search", domain=domain)
    price = 0
    with connect(target_settings(odoo)) as client:
        while not done.wait(0.2):
            price += 1
            odoo.ask(
                "fusion.billing.charge",
                "write",
                ids=charges,
                vals={"price": f"0.{price}"},
            )
            pull_catalog(client, bridge.database_url, now())
