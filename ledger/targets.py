"""Where a webhook may go: never into our own network (SSRF).

``check_url`` vets what an operator types. What holds is ``is_public`` asked for every
address that is dialled, since a name may resolve to another address later. Python
3.11's ``is_global`` alone lets NAT64, 6to4, multicast and more through.
"""

from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address

MAX_URL_LENGTH = 2048

_NOT_PUBLIC_4 = (
    IPv4Network("192.0.0.0/24"),  # IETF protocol assignments
    IPv4Network("192.88.99.0/24"),  # 6to4 relays
)
_PUBLIC_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = (
    IPv6Network("2001::/23"),  # Teredo and other protocol assignments
    IPv6Network("2001:db8::/32"),  # documentation
    IPv6Network("2002::/16"),  # 6to4: wraps an IPv4 address
    IPv6Network("3fff::/20"),  # documentation
)


class UrlRefused(ValueError):
    """The URL cannot be an endpoint; the text says why, as one sentence."""


def is_public(address: Address) -> bool:
    """Whether the address is one of the public Internet's hosts."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            inside = any(address in network for network in _NOT_PUBLIC_6)
            return address in _PUBLIC_6 and not inside
        address = address.ipv4_mapped
    if address.is_multicast or any(address in network for network in _NOT_PUBLIC_4):
        return False
    return address.is_global


def is_loopback(address: Address) -> bool:
    """Whether the address is this machine's own: 127.0.0.0/8 or ::1, nothing mapped."""
    if isinstance(address, IPv6Address):
        return address == IPv6Address("::1")
    return address.is_loopback


def check_url(url: str, *, allow_loopback: bool) -> str:
    """The host of an endpoint's URL that may be called. Raises UrlRefused.

    HTTPS to a public host; with ``allow_loopback`` also HTTP or HTTPS to loopback.
    """
    if len(url) > MAX_URL_LENGTH:
        raise UrlRefused(f"the URL is longer than {MAX_URL_LENGTH} characters")
    if not url.isascii() or not url.isprintable() or set(url) & set(' \\"<>'):
        raise UrlRefused("the URL has characters that must be percent-encoded")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UrlRefused(f"this is not a URL: {error}") from error
    if parts.scheme not in ("https", "http") or not host:
        raise UrlRefused("the URL must be https://host…")
    if parts.username is not None or parts.password is not None:
        raise UrlRefused("the URL must not carry a user name or a password")
    if parts.fragment:
        raise UrlRefused("the URL must not have a fragment (#…)")
    if parts.scheme == "http" and not allow_loopback:
        raise UrlRefused("the URL must be https://; http:// is not let through")
    literal = _literal(host)
    if literal is not None:
        check_addresses([literal], parts.scheme, allow_loopback=allow_loopback)
    return host


def check_addresses(
    addresses: list[Address], scheme: str, *, allow_loopback: bool
) -> None:
    """Vet what an endpoint's host resolves to now. Raises UrlRefused."""
    for address in addresses:
        if allow_loopback and is_loopback(address):
            continue
        if scheme == "http":
            raise UrlRefused("http:// is let through to loopback only; use https://")
        if is_loopback(address):
            raise UrlRefused(
                "the host is this machine (loopback); for development, "
                "FUSION_WEBHOOK_ALLOW_LOOPBACK=true lets it through"
            )
        if not is_public(address):
            raise UrlRefused("the host's address is not on the public Internet")


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
