"""Where a webhook may go."""

import socket
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.targets import (
    UrlRefused,
    check_addresses,
    check_url,
    is_loopback,
    is_public,
)
from workers.webhooks.dialling import TargetBlocked, vetting_socket_factory

PUBLIC = ("1.1.1.1", "93.184.216.34", "::ffff:1.1.1.1", "2606:4700::1111", "2a00::1")
NOT_PUBLIC = (
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:192.88.99.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:1ff::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
)


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_may_be_dialled(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_any_other_address_may_not(text: str) -> None:
    assert not is_public(ip_address(text))


@given(st.ip_addresses())
def test_nothing_is_public_that_python_knows_to_be_private(address: object) -> None:
    address = ip_address(str(address))

    assert address.is_global or not is_public(address)
    assert not (is_public(address) and is_loopback(address))


def test_only_this_machine_is_loopback() -> None:
    assert is_loopback(ip_address("127.8.9.10"))
    assert is_loopback(ip_address("::1"))
    assert not is_loopback(ip_address("::ffff:127.0.0.1"))
    assert not is_loopback(ip_address("0.0.0.0"))


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_no_socket_is_made_for_an_address_that_may_not_be_dialled(text: str) -> None:
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    rest = (0, 0) if ":" in text else ()
    make_socket = vetting_socket_factory(is_public)

    with pytest.raises(TargetBlocked) as caught:
        make_socket((family, socket.SOCK_STREAM, 0, "", (text, 443, *rest)))

    assert text not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com",
        "https://hooks.example.com:8443/in?tenant=1",
        "https://1.1.1.1/hook",
        "https://[2606:4700::1111]/hook",
        "HTTPS://hooks.example.com/%C3%A9",
    ],
)
def test_https_to_a_public_host_is_taken(url: str) -> None:
    assert check_url(url, allow_loopback=False)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "https://"),
        ("hooks.example.com", "https://"),
        ("ftp://hooks.example.com", "https://"),
        ("file:///etc/passwd", "https://"),
        ("https://", "https://"),
        ("https:///path", "https://"),
        ("http://hooks.example.com", "http://"),
        ("https://user:word@hooks.example.com", "password"),
        ("https://user@hooks.example.com", "user name"),
        ("https://hooks.example.com/#part", "fragment"),
        ("https://hooks.example.com:99999/", "not a URL"),
        ("https://[::1", "not a URL"),
        ("https://hooks.example.com/\nx-evil: 1", "percent-encoded"),
        ("https://hooks.example.com/a b", "percent-encoded"),
        ("https://good.example\\@evil.example/", "percent-encoded"),
        ("https://h\u00f6oks.example.com", "percent-encoded"),
        ("https://hooks.example.com/" + "a" * 3000, "longer than"),
        ("https://127.0.0.1/", "loopback"),
        ("https://[::1]/", "loopback"),
        ("https://10.0.0.1/", "public Internet"),
        ("https://169.254.169.254/latest/meta-data", "public Internet"),
        ("https://[::ffff:10.0.0.1]/", "public Internet"),
    ],
)
def test_any_other_url_is_refused_with_its_reason(url: str, reason: str) -> None:
    with pytest.raises(UrlRefused, match=reason):
        check_url(url, allow_loopback=False)


def test_development_lets_loopback_through_and_nothing_else() -> None:
    assert check_url("http://127.0.0.1:2000/", allow_loopback=True) == "127.0.0.1"
    assert check_url("https://[::1]:2000/", allow_loopback=True) == "::1"
    for url in ("http://10.0.0.1/", "https://10.0.0.1/", "http://1.1.1.1/"):
        with pytest.raises(UrlRefused):
            check_url(url, allow_loopback=True)


def test_a_host_with_one_private_address_among_public_ones_is_refused() -> None:
    addresses = [ip_address("1.1.1.1"), ip_address("192.168.0.1")]

    with pytest.raises(UrlRefused):
        check_addresses(addresses, "https", allow_loopback=False)
