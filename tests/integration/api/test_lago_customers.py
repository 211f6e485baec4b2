"""Lago's client makes, changes, lists, shows and deletes customers.

Olga owns a service, Mallory another.
"""

import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from lago_python_client.exceptions import LagoApiError

from ledger.db import Connection
from tests.api_world import Person, counter, work_off
from tests.lago_world import lago_client, models

_numbers = itertools.count(1)


@pytest.fixture
def mallorys(url: str, mallory: Person) -> Any:
    return lago_client(url, mallory.key)


@pytest.fixture
def hook(conn: Connection, olga: Person) -> None:
    """Olga's app hears of everything."""
    conn.execute(
        "INSERT INTO webhook_endpoint (service_id, url, secret) VALUES (%s, %s, '')",
        (olga.service_id, f"https://olga-{next(_numbers)}.test"),
    )
    conn.commit()


def told(conn: Connection, who: Person) -> list[tuple[str, Any]]:
    conn.rollback()
    rows = conn.execute(
        "SELECT type, body FROM webhook_message WHERE service_id = %s "
        "ORDER BY created_at",
        (who.service_id,),
    )
    return [(name, json.loads(bytes(body))["data"]) for name, body in rows]


def refusal(error: pytest.ExceptionInfo[LagoApiError]) -> tuple[int, Any]:
    return error.value.status_code, error.value.response


def test_what_was_given_of_a_customer_comes_back(lago: Any) -> None:
    given = models.Customer(
        external_id="grace/1",
        name="Grace",
        firstname="Grace",
        lastname="Hopper",
        customer_type="individual",
        email="grace@navy.test, bills@navy.test",
        address_line1="1 Compiler Street",
        address_line2="Floor 2",
        city="Ottawa",
        zipcode="K1A 0A1",
        state="ON",
        country="ca",
        phone="+1 613 555 0100",
        url="https://navy.test",
        legal_name="Hopper Inc.",
        legal_number="12",
        tax_identification_number="123456789RT0001",
        currency="CAD",
        timezone="America/Toronto",
        net_payment_term=30,
        logo_url="https://navy.test/logo.png",
        metadata=models.MetadataList(
            __root__=[
                models.Metadata(key="tier", value="gold", display_in_invoice=True)
            ]
        ),
        billing_configuration=models.CustomerBillingConfiguration(
            payment_provider="stripe",
            provider_customer_id="cus_1",
            document_locale="fr",
            sync=True,
            provider_payment_methods=["card"],
        ),
        shipping_address=models.Address(city="Halifax", country="CA"),
    )

    made = lago.customers.create(given)
    found = lago.customers.find("grace/1")

    assert found == made
    for name in (
        *("name", "firstname", "lastname", "customer_type", "email", "phone", "url"),
        *("address_line1", "address_line2", "city", "zipcode", "state", "legal_name"),
        *("legal_number", "tax_identification_number", "currency", "timezone"),
        *("net_payment_term", "logo_url"),
    ):
        assert getattr(made, name) == getattr(given, name), name
    assert made.country == "CA"
    assert made.applicable_timezone == "America/Toronto"
    assert made.billing_configuration is not None
    assert made.billing_configuration.provider_customer_id == "cus_1"
    assert made.billing_configuration.document_locale == "fr"
    assert made.billing_configuration.sync is True
    assert made.shipping_address.city == "Halifax"
    assert made.metadata is not None
    (pair,) = made.metadata.__root__
    assert (pair.key, pair.value, pair.display_in_invoice) == ("tier", "gold", True)


def test_what_is_not_given_stays_and_an_empty_text_empties(lago: Any) -> None:
    lago.customers.create(
        models.Customer(external_id="a", name="Ann", phone="1", legal_number="7")
    )

    changed = lago.customers.create(
        models.Customer(external_id="a", phone="", city="Ottawa")
    )

    assert (changed.name, changed.phone, changed.city) == ("Ann", None, "Ottawa")
    assert changed.legal_number == "7"


def test_metadata_is_replaced_and_a_pair_keeps_its_id(lago: Any) -> None:
    def pairs(*keys: str) -> Any:
        items = models.MetadataList(
            __root__=[models.Metadata(key=k, value=k) for k in keys]
        )
        made = lago.customers.create(models.Customer(external_id="m", metadata=items))
        return {m.key: m.lago_id for m in made.metadata.__root__}

    first, second = pairs("x", "y"), pairs("y", "z")

    assert set(second) == {"y", "z"}
    assert second["y"] == first["y"]


def test_a_customer_without_anything_has_its_id_for_a_name(lago: Any) -> None:
    made = lago.customers.create(models.Customer(external_id="bare"))

    assert (made.name, made.email, made.applicable_timezone) == ("bare", None, "UTC")


def test_a_list_has_pages_the_newest_first_and_a_search(lago: Any) -> None:
    for number in range(3):
        lago.customers.create(
            models.Customer(external_id=f"c-{number}", name=f"N{number}")
        )

    page = lago.customers.find_all({"per_page": 2})
    found = lago.customers.find_all({"search_term": "n1"})

    assert [c.external_id for c in page["customers"]] == ["c-2", "c-1"]
    assert page["meta"]["total_count"] == 4  # and Ada
    assert page["meta"]["next_page"] == 2
    assert [c.external_id for c in found["customers"]] == ["c-1"]
    assert lago.customers.find_all({"search_term": "%"})["customers"] == []


def test_a_page_that_is_none_is_refused(olga: Person) -> None:
    for query in ({"page": "0"}, {"per_page": "x"}, {"page": "9" * 40}):
        assert olga.get("/customers", **query).status == 422


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("external_id", "", "value_is_mandatory"),
        ("external_id", "a\0", "value_is_invalid"),
        ("external_id", "x" * 256, "value_is_invalid"),
        ("external_id", 7, "value_is_invalid"),
        ("name", "\ud800", "value_is_invalid"),
        ("name", ["a"], "value_is_invalid"),
        ("email", "nobody", "invalid_email_format"),
        ("country", "XX", "value_is_invalid"),
        ("currency", "dollars", "value_is_invalid"),
        ("timezone", "Mars/Base", "value_is_invalid"),
        ("net_payment_term", 10**30, "value_is_invalid"),
        ("net_payment_term", 1.5, "value_is_invalid"),
        ("net_payment_term", True, "value_is_invalid"),
        ("net_payment_term", 10**400, "value_is_invalid"),
        ("customer_type", "robot", "value_is_invalid"),
        ("metadata", [{"key": "a"}] * 2, "value_already_exist"),
    ],
)
def test_a_field_that_is_wrong_is_named(
    olga: Person, field: str, value: Any, code: str
) -> None:
    body = {"customer": {"external_id": "bad", field: value}}

    answer = olga._post("/customers", json.dumps(body).encode(), {})

    assert answer.status == 422, answer.text
    assert answer.body["code"] == "validation_errors"
    assert answer.body["error_details"] == {field: [code]}
    assert olga.get("/customers/bad").status == 404


def test_an_external_id_is_mandatory_and_the_wrapper_too(olga: Person) -> None:
    missing = olga._post("/customers", b'{"customer": {"name": "x"}}', {})
    bare = olga._post("/customers", b'{"name": "x"}', {})

    assert missing.body["error_details"] == {"external_id": ["value_is_mandatory"]}
    assert (bare.status, bare.body["error"][:11]) == (400, "BadRequest:")


def test_what_is_not_known_is_passed_over(olga: Person) -> None:
    body = b'{"customer": {"external_id": "odd", "shoe_size": 43, "tax_codes": ["x"]}}'

    assert olga._post("/customers", body, {}).status == 200


def test_two_at_once_make_one(lago: Any, conn: Connection, olga: Person) -> None:
    def make(number: int) -> str:
        given = models.Customer(external_id="twin", legal_number=str(number))
        return str(lago.customers.create(given).lago_id)

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(make, range(8)))

    assert len(ids) == 1
    assert lago.customers.find_all({"search_term": "twin"})["meta"]["total_count"] == 1


@pytest.mark.usefixtures("hook")
def test_a_customer_is_told_once_for_each_change(
    lago: Any, conn: Connection, olga: Person
) -> None:
    given = models.Customer(external_id="heard", name="H", legal_number="1")
    made = lago.customers.create(given)
    lago.customers.create(given)
    lago.customers.create(models.Customer(external_id="heard", legal_number="2"))

    events = told(conn, olga)

    assert [name for name, _ in events] == ["customer.created", "customer.updated"]
    assert [data["customer"]["legal_number"] for _, data in events] == ["1", "2"]
    assert events[0][1]["customer"]["lago_id"] == made.lago_id


@pytest.mark.usefixtures("hook")
def test_in_shadow_nothing_is_told(lago: Any, conn: Connection, olga: Person) -> None:
    conn.execute("UPDATE service SET mode = 'shadow' WHERE id = %s", (olga.service_id,))
    conn.commit()

    lago.customers.create(models.Customer(external_id="unheard"))

    assert told(conn, olga) == []


def test_a_deleted_customer_is_gone_and_its_subscriptions_have_ended(
    lago: Any, conn: Connection, olga: Person, database_url: str, broker_url: str
) -> None:
    olga.push(counter("before"))
    assert work_off(database_url, broker_url, olga.service_id)["applied"] == 1

    deleted = lago.customers.destroy("ada")

    assert deleted.external_id == "ada"
    with pytest.raises(LagoApiError) as error:
        lago.customers.find("ada")
    assert refusal(error)[0] == 404
    with pytest.raises(LagoApiError) as error:
        lago.customers.current_usage("ada", "ada-1")
    assert refusal(error)[0] == 404
    with pytest.raises(LagoApiError) as error:
        lago.customers.destroy("ada")
    status, body = refusal(error)
    assert (status, body["code"]) == (404, "customer_not_found")
    assert lago.customers.find_all()["customers"] == []
    conn.rollback()
    query = "SELECT ended_at <= now() + interval '1 second' FROM subscription "
    query += "WHERE service_id = %s"
    assert conn.execute(query, (olga.service_id,)).fetchall() == [(True,)]
    query = "SELECT sum(quantity) FROM rollup JOIN subscription b "
    query += "ON b.id = subscription_id WHERE b.service_id = %s"
    assert conn.execute(query, (olga.service_id,)).fetchone() == (1,)


@pytest.mark.usefixtures("hook")
def test_a_deleted_customer_is_made_anew_with_nothing_of_what_it_was(
    lago: Any, conn: Connection, olga: Person
) -> None:
    lago.customers.create(
        models.Customer(external_id="back", name="B", phone="1", legal_number="7")
    )
    lago.customers.destroy("back")

    made = lago.customers.create(models.Customer(external_id="back"))

    assert (made.name, made.phone, made.legal_number) == ("back", None, None)
    assert [name for name, _ in told(conn, olga)] == ["customer.created"] * 2


def test_anothers_customer_is_as_if_there_were_none(
    lago: Any, mallorys: Any, conn: Connection
) -> None:
    lago.customers.create(models.Customer(external_id="secret", name="Olga's"))

    for call in (mallorys.customers.find, mallorys.customers.destroy):
        with pytest.raises(LagoApiError) as error:
            call("secret")
        with pytest.raises(LagoApiError) as none:
            call("nobody")
        assert refusal(error) == refusal(none)
    mallorys.customers.create(models.Customer(external_id="secret", name="Mallory's"))
    assert lago.customers.find("secret").name == "Olga's"
    names = [c.name for c in mallorys.customers.find_all()["customers"]]
    assert names == ["Mallory's", "Ada"]


def test_an_odd_path_is_no_customer(olga: Person) -> None:
    for odd in ("%00", "%ff", "x" * 300, "a%0Ab"):
        assert olga.get(f"/customers/{odd}").status == 404
