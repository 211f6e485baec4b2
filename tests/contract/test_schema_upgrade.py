"""A database that an earlier stand-in made is brought over at the start."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors

from odoo_bridge.embedded.app import prepare_database
from tests.embedded_servers import PostgresServer, new_database

BEFORE_TERMS = """
    ALTER TABLE fusion_billing_metric DROP COLUMN rounding_precision;
    ALTER TABLE fusion_billing_metric DROP COLUMN rounding;
    ALTER TABLE fusion_billing_plan DROP COLUMN grace_hours;
    ALTER TABLE fusion_billing_charge DROP COLUMN minimum;
    ALTER TABLE fusion_billing_usage DROP COLUMN correction_of;
    ALTER TABLE fusion_billing_usage ADD CONSTRAINT fusion_billing_usage_key_uniq
        UNIQUE (subscription_id, metric_id, period_start);
"""
RECORDS = """
    INSERT INTO fusion_billing_service (code, name, mode) VALUES ('s', 'S', 'shadow');
    INSERT INTO fusion_billing_metric (service_id, code, name, aggregation)
    VALUES (1, 'm', 'M', 'sum');
    INSERT INTO fusion_billing_plan
           (service_id, plan_code, name, interval, currency, price)
    VALUES (1, 'p', 'P', 'monthly', 'CAD', 1);
    INSERT INTO fusion_billing_charge (plan_id, metric_id, model)
    VALUES (1, 1, 'standard');
    INSERT INTO res_partner (name) VALUES ('Ada');
    INSERT INTO sale_order (name, partner_id, state) VALUES ('S00001', 1, 'draft');
"""
USAGE = """
    INSERT INTO fusion_billing_usage
           (subscription_id, metric_id, service_id, period_start, period_end, quantity,
            revision, state)
    VALUES (1, 1, 1, '2026-02-01', '2026-03-01', 1, 1, 'open')
    RETURNING id
"""
TERMS = """
    SELECT m.rounding, m.rounding_precision, p.grace_hours, c.minimum
      FROM fusion_billing_metric m, fusion_billing_plan p, fusion_billing_charge c
"""


@pytest.fixture
def upgraded(postgres_server: PostgresServer) -> Iterator[psycopg.Connection]:
    """A database from before the catalog's terms and corrections, started again."""
    with new_database(postgres_server, "standin_upgrade") as url:
        prepare_database(url, "someone")
        with psycopg.connect(url) as conn:
            conn.execute(BEFORE_TERMS)
            conn.execute(RECORDS)
            conn.execute(USAGE)
        prepare_database(url, "someone")
        prepare_database(url, "someone")
        with psycopg.connect(url) as conn:
            yield conn


def test_what_was_there_has_the_defaults(upgraded: psycopg.Connection) -> None:
    usage = upgraded.execute("SELECT quantity, correction_of FROM fusion_billing_usage")

    assert upgraded.execute(TERMS).fetchall() == [("none", 0, 48, None)]
    assert usage.fetchall() == [(1, None)]


def test_the_key_lets_a_correction_in_and_nothing_twice(
    upgraded: psycopg.Connection,
) -> None:
    with pytest.raises(errors.UniqueViolation), upgraded.transaction():
        upgraded.execute(USAGE)
    corrected = USAGE.replace("revision, state", "revision, state, correction_of")
    corrected = corrected.replace("'open'", "'open', '2026-01-01'")

    assert upgraded.execute(corrected).fetchone() is not None
    with pytest.raises(errors.UniqueViolation), upgraded.transaction():
        upgraded.execute(corrected)
