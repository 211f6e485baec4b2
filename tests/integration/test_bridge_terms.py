"""Rounding, grace, minimum and counting: from a file through Odoo into the ledger."""

from pathlib import Path
from typing import Any

import pytest

from ledger.db import connect as connect_ledger
from odoo_bridge.catalog_load import load_catalog_file
from odoo_bridge.client import OdooClient, connect
from odoo_bridge.pull import pull_catalog
from tests.bridge_world import PROTOCOLS, catalog_file, now, target_settings
from tests.contract.odoo_target import OdooTarget

TERMS = """
service: {{code: {code}, name: Terms}}
metrics:
  - {{code: cpu, aggregation: sum, rounding: ceil, rounding_precision: -2}}
  - {{code: jobs, aggregation: count}}
plans:
  - code: plan
    interval: monthly
    currency: CAD
    price: 20
    grace_hours: 0
    charges:
      - {{metric: cpu, model: standard, price: 0.0075, minimum: 4.99500}}
      - {{metric: jobs, model: standard, price: 1}}
"""

QUERIES = {
    "metric": "SELECT m.code, m.aggregation, m.rounding, m.rounding_precision "
    "FROM metric m JOIN service s ON s.id = m.service_id WHERE s.code = %s ORDER BY 1",
    "plan": "SELECT p.code, p.grace_hours "
    "FROM plan p JOIN service s ON s.id = p.service_id WHERE s.code = %s ORDER BY 1",
    "charge": "SELECT m.code, c.minimum::text "
    "FROM charge c JOIN metric m ON m.id = c.metric_id "
    "JOIN service s ON s.id = m.service_id WHERE s.code = %s ORDER BY 1",
}
DEFAULTS = {
    "metric": [("cpu", "sum", "none", 0), ("jobs", "count", "none", 0)],
    "plan": [("plan", 48)],
    "charge": [("cpu", "0"), ("jobs", "0")],
}


class Older(OdooClient):
    """An Odoo whose addon does not know the terms."""

    def __init__(self, client: OdooClient) -> None:
        self._client = client

    def repeat(self, model: str, method: str, **named: Any) -> Any:
        """As the real one, without the keys that are new."""
        answer = self._client.repeat(model, method, **named)
        for row in answer.get("rows", ()):
            for part in (row, *row.get("charges", ())):
                for key in ("rounding", "rounding_precision", "grace_hours", "minimum"):
                    part.pop(key, None)
        return answer


def terms(database_url: str, code: str) -> dict[str, list[tuple[Any, ...]]]:
    """What the ledger has of a service's terms, by table."""
    with connect_ledger(database_url) as conn:
        return {
            table: conn.execute(query, (code,)).fetchall()
            for table, query in QUERIES.items()
        }


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_terms_of_a_file_reach_the_ledger_as_written(
    standin: OdooTarget, database_url: str, tmp_path: Path, protocol: str
) -> None:
    code, path = catalog_file(tmp_path, TERMS)
    with connect(target_settings(standin, protocol)) as client:
        first = load_catalog_file(path, client, database_url)
        second = load_catalog_file(path, client, database_url)

    assert first.faults == second.faults == ()
    assert second.counts["metric"]["unchanged"] == 2
    assert second.counts["plan"]["unchanged"] == 1
    assert terms(database_url, code) == {
        "metric": [("cpu", "sum", "ceil", -2), ("jobs", "count", "none", 0)],
        "plan": [("plan", 0)],
        "charge": [("cpu", "4.99500"), ("jobs", "0")],
    }


def test_what_an_older_addon_does_not_say_has_the_defaults(
    standin: OdooTarget, database_url: str, tmp_path: Path
) -> None:
    code, path = catalog_file(tmp_path, TERMS)
    with connect(target_settings(standin)) as client:
        load_catalog_file(path, client, database_url)
        report = pull_catalog(Older(client), database_url, now())

    assert report.faults == ()
    assert terms(database_url, code) == DEFAULTS


def test_terms_that_a_later_file_leaves_out_go_back_to_the_defaults(
    standin: OdooTarget, database_url: str, tmp_path: Path
) -> None:
    code, path = catalog_file(tmp_path, TERMS)
    plain = path.read_text().replace(", rounding: ceil, rounding_precision: -2", "")
    plain = plain.replace(", minimum: 4.99500", "").replace("grace_hours: 0", "")
    with connect(target_settings(standin)) as client:
        load_catalog_file(path, client, database_url)
        path.write_text(plain)
        report = load_catalog_file(path, client, database_url)

    assert report.faults == ()
    assert terms(database_url, code) == DEFAULTS


def test_a_minimum_of_another_scale_is_the_same_to_the_ledger(
    standin: OdooTarget, database_url: str, tmp_path: Path
) -> None:
    _, path = catalog_file(tmp_path, TERMS)
    version = "SELECT xmin::text, ctid::text FROM charge ORDER BY 1, 2"
    with connect(target_settings(standin)) as client:
        load_catalog_file(path, client, database_url)
        with connect_ledger(database_url) as conn:
            before = conn.execute(version).fetchall()
        path.write_text(path.read_text().replace("4.99500", "4.995"))
        load_catalog_file(path, client, database_url)

    with connect_ledger(database_url) as conn:
        assert conn.execute(version).fetchall() == before
