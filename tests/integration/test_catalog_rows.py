"""The ledger takes every term that the catalog's schemas allow, and only those."""

from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg import errors

from ledger.catalog import ChargeRow, MetricRow, PlanRow, upsert_metric, upsert_plan
from schemas.catalog import AGGREGATIONS, MAX_GRACE_HOURS, MAX_PRECISION, ROUNDINGS
from tests.ledger_world import World, make_world


@pytest.fixture
def world(conn: psycopg.Connection) -> World:
    """A service of the test's own."""
    return make_world(conn)


def metric(world: World, code: str, aggregation: str = "sum", **more: Any) -> MetricRow:
    """A metric of the service."""
    return MetricRow(world.code, code, code, aggregation, "", 1, **more)


def plan(world: World, *charges: ChargeRow, **more: Any) -> PlanRow:
    """The service's plan."""
    return PlanRow(
        world.code, "plan", "plan", "monthly", "CAD", "0", charges, 1, **more
    )


def ask(conn: psycopg.Connection, world: World, query: str) -> list[Any]:
    """Rows of the ledger; the query takes the service's key."""
    return conn.execute(query, (world.service_id,)).fetchall()


def test_every_aggregation_and_rounding_is_taken(
    conn: psycopg.Connection, world: World
) -> None:
    for aggregation in AGGREGATIONS:
        upsert_metric(conn, metric(world, f"by {aggregation}", aggregation))
    for rounding in ROUNDINGS:
        for precision in (-MAX_PRECISION, 0, MAX_PRECISION):
            row = metric(world, f"{rounding} {precision}", rounding=rounding)
            upsert_metric(conn, replace(row, rounding_precision=precision))

    query = "SELECT DISTINCT aggregation, rounding FROM metric WHERE service_id = %s"
    assert set(ask(conn, world, query)) == {
        *((aggregation, "none") for aggregation in AGGREGATIONS),
        *(("sum", rounding) for rounding in ROUNDINGS),
    }


def test_rows_without_the_terms_have_the_defaults(
    conn: psycopg.Connection, world: World
) -> None:
    upsert_metric(conn, metric(world, "m"))
    upsert_plan(conn, plan(world, ChargeRow("m", "standard", "0", "1", None, ())))

    query = (
        "SELECT m.rounding, m.rounding_precision, p.grace_hours, c.minimum "
        "FROM charge c JOIN metric m ON m.id = c.metric_id "
        "JOIN plan p ON p.id = c.plan_id WHERE p.service_id = %s"
    )
    assert ask(conn, world, query) == [("none", 0, 48, 0)]


@pytest.mark.parametrize("hours", [0, MAX_GRACE_HOURS])
def test_a_changed_grace_is_stored(
    conn: psycopg.Connection, world: World, hours: int
) -> None:
    upsert_plan(conn, plan(world, grace_hours=hours))

    query = "SELECT grace_hours FROM plan WHERE service_id = %s"
    assert ask(conn, world, query) == [(hours,)]


def test_terms_out_of_bounds_are_refused(
    conn: psycopg.Connection, world: World
) -> None:
    free = ChargeRow("sum", "standard", "0", "1", None, (), minimum="-0.01")

    with pytest.raises(errors.CheckViolation), conn.transaction():
        upsert_metric(conn, metric(world, "m", rounding="up"))
    with pytest.raises(errors.CheckViolation), conn.transaction():
        upsert_plan(conn, plan(world, grace_hours=-1))
    with pytest.raises(errors.CheckViolation), conn.transaction():
        upsert_plan(conn, plan(world, free))
