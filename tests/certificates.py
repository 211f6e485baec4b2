"""A certificate authority of the tests' own, and a server's certificate from it."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def make_authority(
    folder: Path, *names: str, until: timedelta = timedelta(days=1)
) -> tuple[Path, ssl.SSLContext]:
    """The authority's PEM file, and the context of a server that has these names.

    ``names``: host names and addresses. ``until``: the server's certificate ends then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = (
        _certificate("A tests' authority", now + timedelta(days=2))
        .issuer_name(_name("A tests' authority"))
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    server = (
        _certificate("odoo", now + until)
        .issuer_name(authority.subject)
        .public_key(server_key.public_key())
        .add_extension(x509.SubjectAlternativeName(map(_alternative, names)), False)
        .sign(key, hashes.SHA256())
    )
    authority_file = folder / "authority.pem"
    authority_file.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    chain = folder / "server.pem"
    chain.write_bytes(
        server_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + server.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return authority_file, context


def _certificate(name: str, ends_at: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .serial_number(x509.random_serial_number())
        .not_valid_before(ends_at - timedelta(days=10))
        .not_valid_after(ends_at)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
