"""apply_catalog with an app's changes: what they carry is taken once, and only that."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.contract.addon_world import (
    SERVICE,
    World,
    apply,
    make_world,
    own,
    statuses,
)
from tests.contract.odoo_target import OdooTarget
from tests.contract.test_addon_catalog import LINK, PARTNER, partner_of

CONTACT = {
    "phone": "+1 613 555 0100",
    "street": "1 Main St",
    "street2": "Suite 2",
    "city": "Ottawa",
    "zip": "K1A 0B1",
    "state": "ON",
    "country": "CA",
    "vat": False,
    "lang": "en",
    "legal_name": "Jane Inc.",
    "website": "https://jane.test",
    "stripe_customer": "cus_1",
}
ON_CLIENT = {
    "phone": "+1 613 555 0100",
    "street": "1 Main St",
    "street2": "Suite 2",
    "city": "Ottawa",
    "zip": "K1A 0B1",
    "lang": "en_US",
    "company_name": "Jane Inc.",
    "website": "https://jane.test",
    "x_fc_stripe_customer": "cus_1",
}


@pytest.fixture
def world(addon: OdooTarget) -> World:
    """A service of the test's own, in shadow."""
    return make_world(addon)


def client(world: World, external_id: str, *fields: str) -> dict[str, Any]:
    """Fields of the client that an external customer is linked to."""
    key = partner_of(world, external_id)
    (row,) = world.odoo.ask(PARTNER, "read", ids=[key], fields=list(fields), load=None)
    return dict(row)


def new(world: World, **more: Any) -> dict[str, Any]:
    """A customer that an app made, with all that it may say of one."""
    row = {"external_id": "n1", "email": f"n1@{world.code}.test", **CONTACT}
    return world.customer(**{**row, "revision": 1, "changed": ["name"], **more})


def order_of(world: World, external_id: str) -> dict[str, Any]:
    """State and revision of a subscription's order."""
    domain = [["x_fc_service_id.code", "=", world.code]]
    (row,) = world.odoo.ask(
        "sale.order",
        "search_read",
        domain=[*domain, ["x_fc_external_id", "=", external_id]],
        fields=["state", "x_fc_revision"],
    )
    return dict(row)


def test_a_new_client_has_all_that_the_app_says(world: World) -> None:
    assert statuses(apply(world.odoo, "customer", new(world))) == ["created"]

    found = client(world, "n1", *ON_CLIENT, "country_id", "state_id")
    assert {name: found[name] for name in ON_CLIENT} == ON_CLIENT
    for model, name, code in (
        ("res.country", "country_id", "CA"),
        ("res.country.state", "state_id", "ON"),
    ):
        (place,) = world.odoo.ask(model, "read", ids=[found[name]], fields=["code"])
        assert place["code"] == code


@pytest.mark.parametrize(
    ("name", "code"), [("british columbia", "BC"), ("Québec", "QC")]
)
def test_a_state_may_be_a_name(world: World, name: str, code: str) -> None:
    row = new(world, state=name, country="ca")
    assert statuses(apply(world.odoo, "customer", row)) == ["created"]

    key = client(world, "n1", "state_id")["state_id"]
    (state,) = world.odoo.ask("res.country.state", "read", ids=[key], fields=["code"])
    assert state["code"] == code


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"country": "ZZ"}, "country"),
        ({"state": "Atlantis"}, "state"),
        ({"revision": "7"}, "revision"),
        ({"revision": 2**31}, "revision"),
        ({"changed": "name"}, "changed"),
        ({"changed": [1]}, "changed"),
        ({"phone": 7}, "phone"),
    ],
    ids=str,
)
def test_a_bad_value_is_named_in_the_reason(
    world: World, change: dict[str, Any], word: str
) -> None:
    (result,) = apply(world.odoo, "customer", new(world, **change))

    assert result["status"] == "error"
    assert result["reason"].startswith(word)


def test_a_client_takes_only_what_was_changed(world: World) -> None:
    apply(world.odoo, "customer", new(world))
    by_hand = {"phone": "+1 by hand", "name": "By hand"}
    key = partner_of(world, "n1")
    world.odoo.ask(PARTNER, "write", ids=[key], vals=by_hand)

    row = new(world, city="Hull", phone="+1 app", revision=2, changed=["city"])
    assert statuses(apply(world.odoo, "customer", row)) == ["updated"]

    found = client(world, "n1", "name", "phone", "city")
    assert {**by_hand, "city": "Hull"} == {
        k: found[k] for k in ("name", "phone", "city")
    }


def test_nothing_that_a_person_typed_is_blanked(world: World) -> None:
    apply(world.odoo, "customer", new(world))
    emptied = dict.fromkeys(CONTACT, False)
    row = new(world, email=False, **emptied, revision=2)
    row["changed"] = ["email", *CONTACT]

    assert statuses(apply(world.odoo, "customer", row)) == ["unchanged"]

    found = client(world, "n1", "email", *ON_CLIENT)
    assert {name: found[name] for name in ON_CLIENT} == ON_CLIENT
    assert found["email"] == f"n1@{world.code}.test"


def test_a_revision_is_taken_once(world: World) -> None:
    apply(world.odoo, "customer", new(world))
    row = new(world, name="By the app", revision=3)
    assert statuses(apply(world.odoo, "customer", row)) == ["updated"]
    key = partner_of(world, "n1")
    world.odoo.ask(PARTNER, "write", ids=[key], vals={"name": "By hand"})

    again = apply(world.odoo, "customer", row)
    late = apply(world.odoo, "customer", new(world, name="Late", revision=2))

    assert statuses(again) == ["unchanged"]
    assert statuses(late) == ["stale"]
    assert late[0]["revision"] == 3
    assert again[0]["id"] == late[0]["id"]
    assert client(world, "n1", "name")["name"] == "By hand"


def test_a_file_is_taken_whatever_the_revision(world: World) -> None:
    apply(world.odoo, "customer", new(world, revision=9))
    row = world.customer(external_id="n1", name="File", email=f"n1@{world.code}.test")

    assert statuses(apply(world.odoo, "customer", row)) == ["updated"]
    assert client(world, "n1", "name")["name"] == "File"


def test_an_order_takes_only_what_was_changed(world: World) -> None:
    apply(world.odoo, "plan", world.plan(code="gold"))
    app = {"external_id": "s2", "revision": 1, "changed": ["plan"]}
    row = world.subscription(**app)
    assert statuses(apply(world.odoo, "subscription", row)) == ["created"]
    order = order_of(world, "s2")
    end = {"x_fc_ended_at": "2026-05-01 00:00:00"}
    world.odoo.ask("sale.order", "write", ids=[order["id"]], vals=end)

    row = world.subscription(**{**app, "plan": "gold", "revision": 2})
    assert statuses(apply(world.odoo, "subscription", row)) == ["updated"]

    (found,) = [s for s in own(world, "subscription") if s["external_id"] == "s2"]
    assert found["plan"] == "gold"
    assert found["ended_at"] == "2026-05-01 00:00:00"
    assert statuses(apply(world.odoo, "subscription", row)) == ["unchanged"]
    late = world.subscription(**{**app, "ended_at": "2026-03-01 00:00:00"})
    assert statuses(apply(world.odoo, "subscription", late)) == ["stale"]


def test_an_app_s_end_replaces_a_person_s_when_it_is_set_later(world: World) -> None:
    row = world.subscription(external_id="s2", revision=1, changed=["plan"])
    apply(world.odoo, "subscription", row)
    by_hand = {"x_fc_ended_at": "2026-05-01 00:00:00"}
    key = order_of(world, "s2")["id"]
    world.odoo.ask("sale.order", "write", ids=[key], vals=by_hand)

    app = {"ended_at": "2026-06-01 00:00:00", "revision": 2, "changed": ["ended_at"]}
    assert statuses(apply(world.odoo, "subscription", {**row, **app})) == ["updated"]

    (found,) = [s for s in own(world, "subscription") if s["external_id"] == "s2"]
    assert found["ended_at"] == "2026-06-01 00:00:00"


def test_a_new_subscription_of_an_app_is_confirmed_only_when_live(
    world: World,
) -> None:
    app = {"revision": 1, "changed": ["plan"]}
    apply(world.odoo, "subscription", world.subscription(external_id="dark", **app))
    service = {"code": world.code, "name": "A service", "mode": "live"}
    apply(world.odoo, "service", service)
    for row in (
        world.subscription(external_id="live", **app),
        world.subscription(external_id="file"),
        world.subscription(external_id="dark", **{**app, "revision": 2}),
    ):
        apply(world.odoo, "subscription", row)

    states = {name: order_of(world, name)["state"] for name in ("dark", "live", "file")}
    assert states == {"dark": "draft", "live": "sale", "file": "draft"}


@pytest.mark.parametrize(
    "local", ["jane", "100%", "jane_doe", "o'neil", "back\\slash", "JÜRGEN"], ids=str
)
def test_one_client_for_any_address_by_two_at_once(world: World, local: str) -> None:
    address = f"{local}@{world.code}.test"
    spellings = [f"Jane <{local}@{world.code.upper()}.test>", address]

    def apply_one(number: int) -> dict[str, Any]:
        row = new(world, external_id=f"k{number}", email=spellings[number])
        return apply(world.odoo, "customer", row)[0]

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(apply_one, range(2)))

    assert statuses(results) == ["created", "created"], results
    assert partner_of(world, "k0") == partner_of(world, "k1")
    near = local.replace("%", "x").replace("_", "x").replace("\\", "x")
    if near != local:
        other = new(world, external_id="near", email=f"{near}@{world.code}.test")
        apply(world.odoo, "customer", other)
        assert partner_of(world, "near") != partner_of(world, "k0")


def test_two_revisions_at_once_end_with_the_newer(world: World) -> None:
    apply(world.odoo, "customer", new(world))

    def apply_one(revision: int) -> str:
        row = new(world, name=f"Name {revision}", revision=revision)
        return statuses(apply(world.odoo, "customer", row))[0]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(apply_one, (5, 2, 4, 3)))

    assert set(found) <= {"updated", "stale"}
    assert client(world, "n1", "name")["name"] == "Name 5"


def test_a_customer_s_revision_shows_on_its_link(world: World) -> None:
    apply(world.odoo, "customer", new(world, revision=4))

    domain = [["service_id.code", "=", world.code], ["external_id", "=", "n1"]]
    (link,) = world.odoo.ask(
        LINK, "search_read", domain=domain, fields=["revision", "service_id"]
    )
    assert link["revision"] == 4
    assert world.odoo.ask(SERVICE, "search_count", domain=[["code", "=", world.code]])
