"""Every way from the bridge to Odoo: protocols, TLS, paths, addresses, proxies."""

from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from odoo_bridge.client import connect
from odoo_bridge.errors import OdooError, OdooMisconfiguredError, OdooUnreachableError
from tests.bridge_world import PROTOCOLS, settings_for
from tests.certificates import make_authority
from tests.contract.odoo_target import OdooTarget
from tests.front_server import front_server
from tests.scripted_server import CLOSE, http_answer, scripted_server

TLS_PROTOCOLS = ("json2s", "xmlrpcs")


def count_services(odoo: OdooTarget, url: str, protocol: str, **more: str) -> int:
    """One call by that way; the number that it answers."""
    settings = settings_for(
        url,
        ODOO_DATABASE=odoo.database,
        ODOO_LOGIN=odoo.login,
        ODOO_API_KEY=odoo.api_key,
        ODOO_PROTOCOL=protocol,
        **more,
    )
    with connect(settings) as client:
        found = client.call("fusion.billing.service", "search_count", domain=[])
    assert isinstance(found, int)
    return found


def port_of(odoo: OdooTarget) -> int:
    """The stand-in's port."""
    port = urlsplit(odoo.url).port
    assert port is not None
    return port


@pytest.mark.parametrize("protocol", TLS_PROTOCOLS)
def test_tls_with_a_private_authority(
    standin: OdooTarget, tmp_path: Path, protocol: str
) -> None:
    authority, context = make_authority(tmp_path, "127.0.0.1")
    with front_server(port_of(standin), context) as front:
        file = str(authority)

        assert count_services(standin, front.url, protocol, ODOO_CA_FILE=file) >= 0
        assert front.heads


@pytest.mark.parametrize("protocol", TLS_PROTOCOLS)
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("authority", "unable to get local issuer certificate"),
        ("other authority", "certificate verify failed"),
        ("name", "certificate is not valid for '127.0.0.1'"),
        ("time", "certificate has expired"),
    ],
)
def test_a_certificate_that_is_wrong_is_one_line_about_it(
    standin: OdooTarget, tmp_path: Path, protocol: str, wrong: str, words: str
) -> None:
    name = "odoo.example" if wrong == "name" else "127.0.0.1"
    until = timedelta(days=-1 if wrong == "time" else 1)
    authority, context = make_authority(tmp_path / "its", name, until=until)
    other, _ = make_authority(tmp_path / "other", "127.0.0.1")
    file = {"authority": "", "other authority": str(other)}.get(wrong, str(authority))
    with front_server(port_of(standin), context) as front:
        with pytest.raises(OdooMisconfiguredError) as raised:
            count_services(standin, front.url, protocol, ODOO_CA_FILE=file)

        assert front.heads == []
    text = str(raised.value)
    assert words in text
    assert "ODOO_CA_FILE" in text
    assert "\n" not in text


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_without_certificates_is_named(
    tmp_path: Path, protocol: str, content: str | None
) -> None:
    file = tmp_path / "authority.pem"
    if content is not None:
        file.write_text(content)
    settings = settings_for(
        "https://127.0.0.1:1", ODOO_PROTOCOL=protocol, ODOO_CA_FILE=str(file)
    )

    with pytest.raises(OdooMisconfiguredError, match=r"ODOO_CA_FILE.*authority\.pem"):
        connect(settings)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("end", ["", "/"])
def test_a_path_before_odoos_own(standin: OdooTarget, protocol: str, end: str) -> None:
    with front_server(port_of(standin), strip="/billing/odoo") as front:
        url = f"{front.url}/billing/odoo{end}"

        assert count_services(standin, url, protocol) >= 0
        assert all("POST /billing/odoo/" in head for head in front.heads)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_ipv6_address(standin: OdooTarget, protocol: str) -> None:
    with front_server(port_of(standin), host="::1") as front:
        assert count_services(standin, front.url, protocol) >= 0


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_proxy_of_the_environment(
    standin: OdooTarget, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "http://odoo.example"
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with front_server(port_of(standin), strip=name) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)

        assert count_services(standin, name, protocol) >= 0
        assert all(head.startswith(f"POST {name}/") for head in proxy.heads)
        assert proxy.heads


@pytest.mark.parametrize("protocol", TLS_PROTOCOLS)
def test_a_tunnel_through_a_proxy_of_the_environment(
    standin: OdooTarget, tmp_path: Path, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, context = make_authority(tmp_path, "odoo.example")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with (
        front_server(port_of(standin), context) as front,
        front_server(front.port) as proxy,
    ):
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("https_proxy", proxy.url)
        more = {"ODOO_CA_FILE": str(authority)}

        assert count_services(standin, "https://odoo.example", protocol, **more) >= 0
        assert set(proxy.heads) == {"CONNECT odoo.example:443 HTTP/1.1"}


@pytest.mark.parametrize("protocol", TLS_PROTOCOLS)
@pytest.mark.parametrize(
    "refusal", [http_answer(b"no", "403 Forbidden", "text/plain"), CLOSE]
)
def test_a_tunnel_that_a_proxy_refuses_was_never_sent(
    standin: OdooTarget, protocol: str, refusal: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with scripted_server(refusal) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("https_proxy", proxy.url)
        with pytest.raises(OdooError) as raised:
            count_services(standin, "https://odoo.example", protocol)

    if refusal:
        assert type(raised.value) is OdooUnreachableError
        assert "proxy" in str(raised.value)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_host_that_no_one_knows_is_unreachable(
    standin: OdooTarget, protocol: str
) -> None:
    with pytest.raises(OdooUnreachableError, match="ODOO_URL"):
        count_services(standin, "http://no-such-host.invalid", protocol)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ODOO_URL", "http://a..b"),
        ("ODOO_URL", "http://" + "a" * 70),
        ("ODOO_URL", "http://ex ample"),
        ("ODOO_URL", "http://xn--a"),
        ("ODOO_API_KEY", "kéy"),
        ("ODOO_API_KEY", "one\ntwo"),
        ("ODOO_DATABASE", "one\ntwo"),
    ],
)
def test_a_setting_that_cannot_be_sent_is_named_and_not_repeated(
    standin: OdooTarget, protocol: str, name: str, value: str
) -> None:
    if protocol == "xmlrpc" and name != "ODOO_URL":
        pytest.skip("XML-RPC has no header for it: Odoo says that it is wrong")
    settings = {"ODOO_URL": standin.url, name: value, "ODOO_PROTOCOL": protocol}
    with (
        pytest.raises(OdooError) as raised,
        connect(settings_for(settings.pop("ODOO_URL"), **settings)) as client,
    ):
        client.call("fusion.billing.service", "search_count", domain=[])

    text = str(raised.value)
    assert isinstance(raised.value, (OdooMisconfiguredError, OdooUnreachableError))
    assert name in text
    assert name == "ODOO_URL" or (value not in text and "two" not in text)
