"""odoo-client-lib, which the bridge builds on, works against it over each protocol."""

from typing import Any

import httpx
import pytest
from odoolib.tools import AuthenticationError

from tests.contract.odoo_target import OdooTarget

PARTNER = "res.partner"
PROTOCOLS = ("json2", "xmlrpc", "jsonrpc")


@pytest.fixture(params=PROTOCOLS)
def connection(request: pytest.FixtureRequest, odoo: OdooTarget) -> Any:
    """A connection over one protocol."""
    return odoo.connect(request.param)


def test_it_logs_in(connection: Any) -> None:
    connection.check_login()

    assert connection.get_user_context()["lang"] == "en_US"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_wrong_key_is_an_authentication_error(
    odoo: OdooTarget, protocol: str
) -> None:
    wrong = OdooTarget(**{**vars(odoo), "api_key": "wrong"}).connect(protocol)

    with pytest.raises(AuthenticationError):
        wrong.get_model(PARTNER).search_count(domain=[])


def test_it_creates_reads_writes_and_removes(connection: Any) -> None:
    partner = connection.get_model(PARTNER)
    created = partner.create([{"name": "By library"}])
    assert partner.write(created, {"ref": "lib"}) is True

    rows = partner.search_read([("id", "in", created)], ["name", "ref"])
    assert rows == [{"id": created[0], "name": "By library", "ref": "lib"}]
    assert partner.unlink(created) is True
    assert partner.search([("id", "in", created)]) == []


def test_json2_takes_positional_arguments_by_asking_for_their_names(
    odoo: OdooTarget,
) -> None:
    address = f"{odoo.url}/doc-bearer/{PARTNER}.json"
    answer = httpx.get(address, headers=odoo.headers(), timeout=60)
    methods = answer.json()["methods"]

    assert list(methods["search"]["parameters"]) == [
        "domain",
        "offset",
        "limit",
        "order",
    ]
    assert "model" in methods["search"]["api"]
    assert list(methods["write"]["parameters"]) == ["vals"]
    assert "model" not in methods["write"].get("api", [])
    (key,) = odoo.ask(PARTNER, "create", vals_list={"name": "By position"})
    partner = odoo.connect("json2").get_model(PARTNER)
    assert partner.search([["id", "=", key]], 0, 1) == [key]
