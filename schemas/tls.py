"""Whom to trust on the way to Odoo, and when no proxy is asked."""

import ssl
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit


def tls_context(ca_file: str) -> ssl.SSLContext:
    """Trust the certificates of a PEM file alone; of the system where it is "".

    Kept while the file stays as it is, since reading the system's takes 20 ms. Raises
    OSError (ssl.SSLError among them) when it cannot be read or has no certificates.
    """
    changed_at = Path(ca_file).stat().st_mtime_ns if ca_file else 0
    return _context(ca_file, changed_at)


@cache
def _context(ca_file: str, changed_at: int) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file or None)


def is_loopback_url(url: str) -> bool:
    """Whether the URL's host is this machine itself, which no proxy can reach."""
    host = urlsplit(url).hostname or ""
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
