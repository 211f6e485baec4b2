"""What is refused before a method runs, and how each protocol says so."""

import http.client
import xmlrpc.client
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.contract.odoo_target import OdooTarget

MISSING = 99999999
PARTNER = "res.partner"
SEARCH = f"/json/2/{PARTNER}/search"

TOO_LARGE = 129 * 1024 * 1024


def post(
    odoo: OdooTarget, path: str, body: str = "{}", **headers: str
) -> httpx.Response:
    """A JSON-2 request with other headers or another body."""
    return httpx.post(
        odoo.url + path, headers=odoo.headers(**headers), content=body, timeout=60
    )


@pytest.mark.parametrize("key", ["", "bearer wrong", "Basic abc", "bearer  wrong"])
def test_json2_without_a_good_key_is_401_before_all_else(
    odoo: OdooTarget, key: str
) -> None:
    answer = post(odoo, "/json/2/no.such.model/search", "{not json", Authorization=key)

    assert answer.status_code == 401
    assert answer.json()["name"] == "werkzeug.exceptions.Unauthorized"
    assert answer.headers["WWW-Authenticate"].strip() == "Bearer"


def test_json2_takes_the_word_bearer_in_any_case(odoo: OdooTarget) -> None:
    key = f"BEARER {odoo.api_key}"

    assert post(odoo, SEARCH, '{"domain": []}', Authorization=key).status_code == 200


def test_json2_on_a_wrong_database_is_a_page_of_html(odoo: OdooTarget) -> None:
    answer = post(odoo, SEARCH, X_Odoo_Database="nosuchdatabase")

    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", ""]
)
def test_json2_with_a_wrong_content_type_is_415_html(
    odoo: OdooTarget, kind: str
) -> None:
    answer = post(odoo, SEARCH, Content_Type=kind)

    assert answer.status_code == 415
    assert answer.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE", "PATCH"])
def test_json2_knows_post_alone(odoo: OdooTarget, verb: str) -> None:
    answer = httpx.request(verb, odoo.url + SEARCH, headers=odoo.headers())

    assert answer.status_code == 404
    assert answer.json()["message"] == "Did you mean POST /json/2/<model>/<method>?"


def test_json2_that_is_not_json_is_400(odoo: OdooTarget) -> None:
    answer = post(odoo, SEARCH, '{"domain": [}')

    assert answer.status_code == 400
    assert answer.json()["name"] == "werkzeug.exceptions.BadRequest"


@pytest.mark.parametrize("body", ["[1, 2]", "{}", '"text"', ""])
def test_json2_without_the_arguments_is_422(odoo: OdooTarget, body: str) -> None:
    answer = post(odoo, SEARCH, body)

    assert answer.status_code == 422
    assert answer.json()["message"] == "missing a required argument: 'domain'"


def test_json2_refuses_an_argument_that_the_method_has_not(odoo: OdooTarget) -> None:
    assert odoo.refusal(PARTNER, "search", domain=[], nope=1) == (
        422,
        "werkzeug.exceptions.UnprocessableEntity",
        "got an unexpected keyword argument 'nope'",
    )


def test_json2_refuses_ids_on_a_method_of_the_model(odoo: OdooTarget) -> None:
    assert odoo.refusal(PARTNER, "search_count", domain=[], ids=[1]) == (
        422,
        "werkzeug.exceptions.UnprocessableEntity",
        "cannot call res.partner.search_count with ids",
    )


def test_json2_knows_no_unknown_model_or_method(odoo: OdooTarget) -> None:
    missing = "werkzeug.exceptions.NotFound"

    assert odoo.refusal("no.such.model", "search", domain=[]) == (
        404,
        missing,
        "the model 'no.such.model' does not exist",
    )
    assert odoo.refusal(PARTNER, "no_such_method") == (
        404,
        missing,
        "The method 'res.partner.no_such_method' does not exist",
    )


@pytest.mark.parametrize("method", ["_search", "__class__"])
def test_private_methods_are_403(odoo: OdooTarget, method: str) -> None:
    status, name, _ = odoo.refusal(PARTNER, method)

    assert (status, name) == (403, "odoo.exceptions.AccessError")


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        (SEARCH, "application/json; charset=utf-8"),
        ("/xmlrpc/2/object", "text/html; charset=utf-8"),
    ],
)
def test_a_body_over_128_mib_is_413(
    odoo: OdooTarget, path: str, content_type: str
) -> None:
    parts = urlsplit(odoo.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
    connection.putrequest("POST", path)
    for name, value in odoo.headers(Content_Length=str(TOO_LARGE)).items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()

    assert answer.status == 413
    assert answer.headers["Content-Type"] == content_type
    connection.close()


def test_xmlrpc_login_answers_false_to_a_wrong_key(odoo: OdooTarget) -> None:
    with odoo.proxy("common") as common:
        assert common.authenticate(odoo.database, odoo.login, "wrong", {}) is False
        assert common.login(odoo.database, "nobody", odoo.api_key) is False


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"key": "wrong"}, 3),
        ({"key": "clé"}, 3),
        ({"key": 7}, 1),
        ({"key": ""}, 3),
        ({"uid": 1}, 3),
        ({"model": "no.such.model"}, 2),
        ({"method": "no_such_method"}, 1),
        ({"method": "_search"}, 4),
        ({"database": "nosuchdatabase"}, 1),
    ],
    ids=str,
)
def test_xmlrpc_numbers_its_faults(
    odoo: OdooTarget, change: dict[str, str], fault: int
) -> None:
    given = {
        "database": odoo.database,
        "uid": odoo.uid(),
        "key": odoo.api_key,
        "model": PARTNER,
        "method": "search",
        **change,
    }

    proxy: Any
    with odoo.proxy("object") as proxy, pytest.raises(xmlrpc.client.Fault) as caught:
        proxy.execute_kw(*given.values(), [[]])
    assert caught.value.faultCode == fault


def test_old_xmlrpc_words_its_faults(odoo: OdooTarget) -> None:
    with (
        odoo.proxy("object", "xmlrpc") as proxy,
        pytest.raises(xmlrpc.client.Fault) as caught,
    ):
        proxy.execute_kw(
            odoo.database, odoo.uid(), odoo.api_key, PARTNER, "write", [[MISSING], {}]
        )

    assert str(caught.value.faultCode).startswith("warning -- MissingError\n\n")


def test_the_version_is_open(odoo: OdooTarget) -> None:
    with odoo.proxy("common") as common:
        version: Any = common.version()

    assert version["server_serie"] == "19.0"
    assert httpx.get(odoo.url + "/web/version").json()["version"] == "19.0"
