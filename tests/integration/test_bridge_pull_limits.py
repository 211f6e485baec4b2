"""A row that takes too long holds up no other, and is taken as soon as it can be."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from ledger.db import Limits
from ledger.db import connect as connect_ledger
from ledger.status import read_syncs
from odoo_bridge.catalog_load import load_catalog_file
from odoo_bridge.pull import LIMITS, PullReport, pull_catalog
from tests.bridge_world import CATALOG, Bridge, bridge_to, now
from tests.contract.odoo_target import OdooTarget
from tests.ledger_world import counter, make_message, push
from tests.waiting import wait_until

SHORT = Limits(statement_seconds=2, lock_seconds=0.3)
ANCHORS = "SELECT external_id, anchor FROM own ORDER BY external_id"
BOTH = [("sub-0", "anniversary"), ("sub-1", "anniversary")]
WAITING = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)
SECOND = [("sub-0", "calendar"), ("sub-1", "anniversary")]


@pytest.fixture
def bridge(standin: OdooTarget, database_url: str, tmp_path: Path) -> Iterator[Bridge]:
    """The bridge, with usage of both subscriptions; in Odoo they have other terms."""
    with bridge_to(standin, database_url, tmp_path, "json2") as made:
        items = [counter(str(n), subscription=f"sub-{n}") for n in (0, 1)]
        with connect_ledger(database_url) as conn:
            push(conn, make_message(made.world, items))
            conn.execute(
                "CREATE VIEW own AS SELECT * FROM subscription"
                " WHERE service_id = (SELECT max(id) FROM service)"
            )
            conn.execute("CREATE TABLE seen (text text)")
        domain = [["x_fc_service_id.code", "=", made.world.code]]
        orders = standin.ask("sale.order", "search", domain=domain)
        vals = {
            "x_fc_anchor": "anniversary",
            "x_fc_started_at": "2026-01-10 05:00:00",
        }
        standin.ask("sale.order", "write", ids=orders, vals=vals)
        yield made


def ask(bridge: Bridge, query: str) -> list[Any]:
    with connect_ledger(bridge.database_url) as conn:
        return conn.execute(query.encode()).fetchall()


def syncs(bridge: Bridge) -> dict[str, str | None]:
    with connect_ledger(bridge.database_url) as conn:
        return {sync.kind: sync.error for sync in read_syncs(conn)}


def pull(bridge: Bridge, limits: Limits = SHORT) -> PullReport:
    return pull_catalog(bridge.client, bridge.database_url, now(), limits)


@contextmanager
def each_count_of(bridge: Bridge, subscription: str, action: str) -> Iterator[None]:
    """While this lasts, an action runs whenever a counter of a subscription moves."""
    with psycopg.connect(bridge.database_url, autocommit=True) as conn:
        conn.execute(
            """CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               IF new.subscription_id =
                  (SELECT id FROM own WHERE external_id = tg_argv[0])
               THEN EXECUTE tg_argv[1]; END IF;
               RETURN new; END $$"""
        )
        conn.execute(
            sql.SQL(
                "CREATE TRIGGER act BEFORE UPDATE ON counter FOR EACH ROW"
                " EXECUTE FUNCTION act({}, {})"
            ).format(subscription, action)
        )
        yield
        conn.execute("DROP FUNCTION act CASCADE")


def test_a_row_whose_count_takes_too_long_is_a_fault_and_the_next_pull_takes_it(
    bridge: Bridge,
) -> None:
    with each_count_of(bridge, "sub-0", "SELECT pg_sleep(60)"):
        report = pull(bridge)
        between = ask(bridge, ANCHORS)
    again = pull(bridge)

    assert len(report.faults) == 1
    assert "statement timeout" in report.faults[0]
    assert report.passed_over == {("subscription", bridge.world.code, "sub-0")}
    assert between == SECOND
    assert (again.faults, ask(bridge, ANCHORS)) == ((), BOTH)


def test_a_locked_row_is_a_fault_that_status_shows_until_it_is_taken(
    bridge: Bridge, conn: psycopg.Connection
) -> None:
    conn.execute("SELECT FROM own WHERE external_id = 'sub-0' FOR UPDATE")

    pull(bridge)
    during = syncs(bridge)["subscription"]
    between = ask(bridge, ANCHORS)
    conn.rollback()
    pull(bridge)

    assert "lock timeout" in str(during)
    assert between == SECOND
    assert syncs(bridge)["subscription"] is None
    assert ask(bridge, ANCHORS) == BOTH


def test_what_was_taken_before_a_long_count_is_committed_already(
    bridge: Bridge, conn: psycopg.Connection
) -> None:
    conn.execute(
        "SELECT FROM counter c JOIN own ON own.id = c.subscription_id"
        " WHERE own.external_id = 'sub-1' FOR UPDATE OF c"
    )
    pulling = threading.Thread(target=pull, args=(bridge, LIMITS))
    pulling.start()
    wait_until(lambda: ask(bridge, WAITING) == [(1,)], "the count has begun")

    during = ask(bridge, ANCHORS)
    conn.rollback()
    pulling.join()

    assert during == [BOTH[0], ("sub-1", "calendar")]
    assert ask(bridge, ANCHORS) == BOTH


def test_a_count_has_ten_minutes_and_waits_for_any_fold(bridge: Bridge) -> None:
    limits = (
        "INSERT INTO seen SELECT current_setting('statement_timeout')"
        " || ' ' || current_setting('lock_timeout')"
    )
    with each_count_of(bridge, "sub-0", limits):
        pull(bridge, LIMITS)

    assert ask(bridge, "SELECT DISTINCT text FROM seen") == [("10min 20s",)]


def test_a_ledger_that_fails_in_the_middle_is_noted(bridge: Bridge) -> None:
    end = "SELECT pg_terminate_backend(pg_backend_pid())"
    with each_count_of(bridge, "sub-1", end), pytest.raises(psycopg.OperationalError):
        pull(bridge)

    assert "terminating connection" in str(syncs(bridge)["subscription"])
    assert ask(bridge, ANCHORS)[0] == BOTH[0]


def test_loading_a_file_whose_change_the_ledger_does_not_take_says_so(
    bridge: Bridge, tmp_path: Path, conn: psycopg.Connection
) -> None:
    path = tmp_path / "again.yaml"
    text = CATALOG.format(code=bridge.world.code).replace("price: 20", "price: 21")
    path.write_text(text, encoding="utf-8")
    conn.execute(
        """CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           RAISE 'too slow' USING ERRCODE = '57014'; END $$"""
    )
    conn.execute(
        "CREATE TRIGGER act BEFORE UPDATE ON plan FOR EACH ROW EXECUTE FUNCTION act()"
    )
    conn.commit()

    report = load_catalog_file(path, bridge.client, bridge.database_url)

    assert [str(fault) for fault in report.faults] == [
        "plans[0]: is in Odoo, but could not be pulled into the ledger; see its log"
    ]
