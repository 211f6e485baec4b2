"""What the stand-in alone promises: it says what it is, and outlives its database."""

import httpx
import psycopg

from tests.contract.odoo_target import OdooTarget
from tests.embedded_servers import PostgresServer


def test_its_first_page_says_that_it_is_not_odoo(probed: OdooTarget) -> None:
    assert "It is not Odoo" in httpx.get(probed.url).text


def test_it_answers_again_after_its_connections_were_cut(
    probed: OdooTarget, postgres_server: PostgresServer
) -> None:
    (before,) = probed.ask("res.partner", "create", vals_list={"name": "Before"})
    with psycopg.connect(postgres_server.url("postgres"), autocommit=True) as conn:
        cut = conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            ["probed"],
        ).fetchall()

    assert cut
    domain = [["id", "=", before]]
    for _ in range(len(cut) + 1):
        assert probed.ask("res.partner", "search", domain=domain) == [before]
