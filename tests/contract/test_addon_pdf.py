"""invoice_pdf: an invoice as Odoo prints it, or why it does not."""

import base64

import pytest

from tests.contract.addon_world import SERVICE, World, make_world
from tests.contract.odoo_target import OdooTarget
from tests.contract.test_addon_events import MOVE, draft, set_mode

MANY = 10_000_000


@pytest.fixture
def world(addon: OdooTarget) -> World:
    """A service of the test's own, which is live."""
    world = make_world(addon)
    set_mode(world, "live")
    return world


def test_an_invoice_is_printed_beside_its_row(world: World) -> None:
    move_id = draft(world)
    world.odoo.ask(MOVE, "action_post", ids=[move_id])

    answer = world.odoo.ask(SERVICE, "invoice_pdf", move_id=move_id, max_bytes=MANY)
    page = world.odoo.ask(
        SERVICE, "export_catalog", kind="invoice", record_ids=[move_id]
    )

    assert set(answer) == {"row", "pdf", "reason"}
    assert [answer["row"]] == page["rows"]
    if answer["pdf"]:
        assert base64.b64decode(answer["pdf"]).startswith(b"%PDF")
        assert answer["reason"] is False
    else:  # an Odoo without wkhtmltopdf
        assert answer["reason"] == "no_report_engine"


def test_one_that_is_too_large_is_not_sent(world: World) -> None:
    answer = world.odoo.ask(SERVICE, "invoice_pdf", move_id=draft(world), max_bytes=100)

    assert answer["pdf"] is False
    assert answer["reason"] in ("too_large", "no_report_engine")


def test_one_that_is_not_there_is_gone(world: World) -> None:
    move_id = draft(world)
    world.odoo.ask(MOVE, "unlink", ids=[move_id])

    for key in (move_id, 0, 2**31 - 1):
        answer = world.odoo.ask(SERVICE, "invoice_pdf", move_id=key, max_bytes=MANY)
        assert answer == {"row": False, "pdf": False, "reason": "gone"}
