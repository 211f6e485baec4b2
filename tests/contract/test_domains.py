"""What a search domain finds: the same on the stand-in and on a real server."""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.contract.odoo_target import OdooTarget

PARTNER = "res.partner"

ALICE, BOB, CAROL = "Alice", "Bob", "Carol"
EVERYBODY = [ALICE, BOB, CAROL]


@dataclass(frozen=True)
class People:
    """Three clients; their names stand for their ids in domains and answers."""

    odoo: OdooTarget
    ids: dict[str, int]

    def found(self, domain: list[Any], **more: Any) -> list[str]:
        """The names of those of the three who match, in the order found."""
        own = [["id", "in", list(self.ids.values())], *self.with_ids(domain)]
        names = {key: name for name, key in self.ids.items()}
        keys = self.odoo.ask(PARTNER, "search", domain=own, **more)
        return [names[key] for key in keys]

    def with_ids(self, value: Any) -> Any:
        """The value with {"id of": name} replaced by the id."""
        if isinstance(value, dict):
            return self.ids[value["id of"]]
        if isinstance(value, list):
            return [self.with_ids(item) for item in value]
        return value


@pytest.fixture(scope="module")
def people(odoo: OdooTarget) -> People:
    """Alice is whole; Bob works for Alice and has an empty phone; Carol has nothing."""
    (alice,) = odoo.ask(
        PARTNER,
        "create",
        vals_list={
            "name": ALICE,
            "email": "alice_a@x.test",
            "phone": "100%",
            "color": 7,
            "is_company": True,
        },
    )
    bob, carol = odoo.ask(
        PARTNER,
        "create",
        vals_list=[
            {"name": BOB, "email": "BOB@x.test", "phone": "", "parent_id": alice},
            {"name": CAROL},
        ],
    )
    return People(odoo, {ALICE: alice, BOB: bob, CAROL: carol})


CASES: list[tuple[list[Any], list[str]]] = [
    ([], EVERYBODY),
    ([["name", "=", BOB]], [BOB]),
    ([["name", "!=", BOB]], [ALICE, CAROL]),
    ([["email", "!=", "BOB@x.test"]], [ALICE, CAROL]),
    ([["email", "in", ["BOB@x.test", False]]], [BOB, CAROL]),
    ([["email", "not in", ["BOB@x.test"]]], [ALICE, CAROL]),
    ([["email", "not in", ["BOB@x.test", False]]], [ALICE]),
    ([["name", "in", []]], []),
    ([["name", "not in", []]], EVERYBODY),
    ([["phone", "=", False]], [BOB, CAROL]),
    ([["phone", "=", ""]], [BOB, CAROL]),
    ([["phone", "!=", False]], [ALICE]),
    ([["email", "like", "bob"]], []),
    ([["email", "ilike", "bob"]], [BOB]),
    ([["email", "not ilike", "bob"]], [ALICE, CAROL]),
    ([["email", "=like", "BOB@%"]], [BOB]),
    ([["email", "=ilike", "alice%A@x.test"]], [ALICE]),
    ([["email", "=ilike", "bob_x.test"]], [BOB]),
    ([["email", "ilike", "alice_a"]], [ALICE]),
    ([["email", "ilike", "ali_e"]], [ALICE]),
    ([["email", "ilike", "a%x.test"]], [ALICE]),
    ([["phone", "like", "0%"]], [ALICE]),
    ([["name", "ilike", ""]], EVERYBODY),
    ([["name", "<", "Bz"]], [ALICE, BOB]),
    ([["name", ">=", BOB]], [BOB, CAROL]),
    ([["email", "<", "ZZZ"]], [BOB, CAROL]),
    ([["color", "=", 7]], [ALICE]),
    ([["color", "=", "7"]], [ALICE]),
    ([["color", "=", False]], [BOB, CAROL]),
    ([["color", "<", 8]], EVERYBODY),
    ([["color", "<", 0]], []),
    ([["color", ">", 0]], [ALICE]),
    ([["is_company", "=", True]], [ALICE]),
    ([["is_company", "=", False]], [BOB, CAROL]),
    ([["is_company", "!=", True]], [BOB, CAROL]),
    ([["parent_id", "=", {"id of": ALICE}]], [BOB]),
    ([["parent_id", "!=", {"id of": ALICE}]], [ALICE, CAROL]),
    ([["parent_id", "=", False]], [ALICE, CAROL]),
    ([["parent_id", "!=", False]], [BOB]),
    ([["parent_id", "=", ALICE]], [BOB]),
    ([["parent_id", "ilike", "alic"]], [BOB]),
    ([["parent_id.email", "=", "alice_a@x.test"]], [BOB]),
    ([["parent_id.email", "!=", "alice_a@x.test"]], []),
    ([["parent_id", "any", [["color", "=", 7]]]], [BOB]),
    ([["parent_id", "not any", [["color", "=", 7]]]], [ALICE, CAROL]),
    ([["create_date", ">", "2020-01-01"]], EVERYBODY),
    ([["create_date", "<=", "2020-01-01 00:00:00"]], []),
    ([["create_date", ">", "2020-01-01T00:00:00"]], EVERYBODY),
    ([["create_date", "=", False]], []),
    ([["create_date", "<", False]], []),
    (["|", ["name", "=", ALICE], ["name", "=", CAROL]], [ALICE, CAROL]),
    (["&", ["name", "!=", ALICE], ["name", "!=", CAROL]], [BOB]),
    (["!", ["email", "ilike", "bob"]], [ALICE, CAROL]),
    (["!", "|", ["name", "=", ALICE], ["name", "=", BOB]], [CAROL]),
    (
        ["|", "|", ["name", "=", "x"], ["color", "=", 7], ["name", "=", BOB]],
        [ALICE, BOB],
    ),
    ([["display_name", "ilike", "caro"]], [CAROL]),
    ([[1, "=", 1]], EVERYBODY),
    ([[0, "=", 1]], []),
]


@pytest.mark.parametrize(("domain", "names"), CASES, ids=str)
def test_a_domain_finds(people: People, domain: list[Any], names: list[str]) -> None:
    assert people.found(domain, order="id") == names


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("name desc, id", [CAROL, BOB, ALICE]),
        ("color desc nulls last, id desc", [ALICE, CAROL, BOB]),
        ("is_company, id desc", [CAROL, BOB, ALICE]),
        ("create_date desc,id", None),
    ],
)
def test_an_order_is_kept(people: People, order: str, names: list[str] | None) -> None:
    found = people.found([], order=order)

    assert found == names if names else sorted(found) == EVERYBODY


def test_limit_and_offset_page_and_a_limit_of_0_is_none(people: People) -> None:
    assert people.found([], order="id", limit=1, offset=1) == [BOB]
    assert people.found([], order="id", limit=0) == EVERYBODY
    domain = [["id", "in", list(people.ids.values())]]
    count = people.odoo.ask(PARTNER, "search_count", domain=domain, limit=2)
    assert count == 2


def test_a_datetime_compares_by_the_whole_second(people: People) -> None:
    (row,) = people.odoo.ask(
        PARTNER, "read", ids=[people.ids[CAROL]], fields=["create_date"]
    )
    second = row["create_date"]
    carol = ["id", "=", {"id of": CAROL}]

    assert people.found([carol, ["create_date", "=", second]]) == [CAROL]
    assert people.found([carol, ["create_date", "<=", second]]) == [CAROL]
    assert people.found([carol, ["create_date", ">", second]]) == []


def test_archived_records_are_found_only_when_asked_for(odoo: OdooTarget) -> None:
    values = {"name": "Archived", "active": False}
    (key,) = odoo.ask(PARTNER, "create", vals_list=values)
    own = [["id", "=", key]]

    def found(domain: list[Any], **more: Any) -> bool:
        return bool(odoo.ask(PARTNER, "search", domain=own + domain, **more))

    assert not found([])
    assert found([["active", "=", False]])
    assert found([["active", "in", [True, False]]])
    assert found([], context={"active_test": False})


@pytest.mark.parametrize(
    ("domain", "error"),
    [
        ([["nope", "=", 1]], "builtins.ValueError"),
        ([["nope.x", "=", 1]], "builtins.ValueError"),
        ([["name.x", "=", 1]], "builtins.ValueError"),
        ([["name", "resembles", "x"]], "builtins.ValueError"),
        ([["name", "="]], "builtins.ValueError"),
        (["&", ["name", "=", "x"]], "builtins.ValueError"),
        (["|"], "builtins.ValueError"),
        ("x", "builtins.TypeError"),
        ([[1, "=", 0]], "builtins.TypeError"),
        ([["color", "=", "red"]], "builtins.ValueError"),
        ([["parent_id", "<", "x"]], "builtins.TypeError"),
        ([["create_date", ">", "soon"]], "builtins.ValueError"),
        ([["create_date", ">", "2026-01-31T10:00:00Z"]], "builtins.ValueError"),
        ([["id", "=", True]], "psycopg2.errors.UndefinedFunction"),
    ],
    ids=str,
)
def test_a_domain_that_means_nothing_is_an_error(
    odoo: OdooTarget, domain: Any, error: str
) -> None:
    assert odoo.refusal(PARTNER, "search", domain=domain)[:2] == (500, error)


@pytest.mark.parametrize(
    ("order", "error"),
    [
        ("nope", (500, "builtins.ValueError")),
        ("parent_id.name", (500, "builtins.ValueError")),
        ("name; drop table", (422, "odoo.exceptions.UserError")),
        ("name sideways", (422, "odoo.exceptions.UserError")),
    ],
)
def test_an_order_that_means_nothing_is_an_error(
    odoo: OdooTarget, order: str, error: tuple[int, str]
) -> None:
    assert odoo.refusal(PARTNER, "search", domain=[], order=order)[:2] == error


def test_quotes_in_values_stay_values(odoo: OdooTarget) -> None:
    name = "'; DROP TABLE res_partner; --"
    (key,) = odoo.ask(PARTNER, "create", vals_list={"name": name})

    found = odoo.ask(PARTNER, "search", domain=[["name", "=", name], ["id", "=", key]])
    assert found == [key]
