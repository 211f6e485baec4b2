"""What receivers do wrong, one exchange each."""

import asyncio
import ssl
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ledger.webhooks import Claim, Outcome
from tests.webhook_world import Answering, receiving, respond
from workers.webhooks.dialling import open_sessions
from workers.webhooks.exchange import MAX_RESPONSE_BYTES, Answer, post_webhook
from workers.webhooks.letters import Letter

NOW = datetime.now(UTC)


def post(
    url: str, *, allow_loopback: bool = True, timeout_seconds: float = 10
) -> Answer:
    claim = Claim(
        endpoint_id=uuid4(),
        message_id="msg_a",
        attempt=1,
        failures=0,
        lease_until=NOW,
        service_id=1,
        type="invoice.paid",
        body=b"{}",
        created_at=NOW,
        url=url,
        secret=b"",
        signature_algo="hmac",
        body_style="standard",
        old_secrets=None,
        organization_id=None,
    )

    async def run() -> Answer:
        async with open_sessions(allow_loopback=allow_loopback) as sessions:
            return await post_webhook(
                sessions, claim, Letter(b"{}", {}), NOW, timeout_seconds=timeout_seconds
            )

    return asyncio.run(run())


def raw(data: bytes, then: threading.Event | None = None) -> Answering:
    """Answers these bytes, then hangs up, or waits for the event to hang up."""

    def answer(handler: BaseHTTPRequestHandler, earlier: int) -> None:
        handler.close_connection = True
        handler.wfile.write(data)
        handler.wfile.flush()
        if then:
            then.wait(30)

    return answer


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_a_status_from_200_to_299_is_success(status: int) -> None:
    with receiving(respond(status)) as receiver:
        answer = post(receiver.url)

    assert (answer.outcome, answer.status) == (Outcome.DELIVERED, status)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_failure_and_is_not_followed(status: int) -> None:
    with receiving(respond(200)) as target:
        with receiving(respond(status, location=target.url)) as receiver:
            answer = post(receiver.url)

        assert (answer.outcome, answer.status) == (Outcome.REDIRECT, status)
        assert target.requests == []


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (400, Outcome.HTTP_STATUS),
        (401, Outcome.HTTP_STATUS),
        (410, Outcome.GONE),
        (500, Outcome.HTTP_STATUS),
    ],
)
def test_any_other_status_is_a_failure(status: int, outcome: Outcome) -> None:
    with receiving(respond(status, b"no", retry_after="60")) as receiver:
        answer = post(receiver.url)

    assert answer == Answer(outcome, status, "no", None)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_an_overloaded_receiver_says_when_to_come_back(status: int) -> None:
    with receiving(respond(status, retry_after="60")) as receiver:
        answer = post(receiver.url)

    assert answer.retry_after == timedelta(seconds=60)


def test_a_body_that_drips_ends_with_the_timeout() -> None:
    hung_up = threading.Event()

    def drip(handler: BaseHTTPRequestHandler, earlier: int) -> None:
        handler.send_response(200)
        handler.send_header("content-length", "1000000")
        handler.end_headers()
        pause = threading.Event()
        try:
            for _ in range(1000):
                handler.wfile.write(b".")
                handler.wfile.flush()
                pause.wait(0.05)
        except ConnectionError:
            hung_up.set()
            raise

    with receiving(drip) as receiver:
        answer = post(receiver.url, timeout_seconds=0.5)

        assert answer.outcome is Outcome.TIMEOUT
        assert hung_up.wait(30)


def test_a_receiver_that_says_nothing_ends_with_the_timeout() -> None:
    release = threading.Event()
    with receiving(raw(b"", release)) as receiver:
        answer = post(receiver.url, timeout_seconds=0.3)
        release.set()

    assert answer == Answer(Outcome.TIMEOUT)


def test_no_more_than_the_start_of_a_huge_body_is_read() -> None:
    chunk, chunks = b"x" * 65536, 4096
    sent = []
    hung_up = threading.Event()

    def flood(handler: BaseHTTPRequestHandler, earlier: int) -> None:
        handler.send_response(200)
        handler.send_header("content-length", str(len(chunk) * chunks))
        handler.end_headers()
        try:
            for _ in range(chunks):
                handler.wfile.write(chunk)
                sent.append(len(chunk))
        except ConnectionError:
            hung_up.set()
            raise

    with receiving(flood) as receiver:
        answer = post(receiver.url)

        assert answer == Answer(Outcome.DELIVERED, 200, "x" * MAX_RESPONSE_BYTES)
        assert hung_up.wait(30)
        assert len(sent) < chunks


def test_a_response_that_is_not_text_is_kept_as_text_of_4_kib() -> None:
    with receiving(respond(500, b"\0\xff\xfe" * 3000)) as receiver:
        answer = post(receiver.url)

    assert "\0" not in answer.response
    assert 0 < len(answer.response.encode()) <= MAX_RESPONSE_BYTES


def test_a_compressed_bomb_is_not_inflated() -> None:
    with receiving(respond(200, b"\x1f\x8b not gzip", content_encoding="gzip")) as r:
        answer = post(r.url)

    assert answer.outcome is Outcome.DELIVERED


@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        (b"", Outcome.CONNECTION_FAILED),
        (b"hello\r\n\r\n", Outcome.INVALID_RESPONSE),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000, Outcome.INVALID_RESPONSE),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx", Outcome.INVALID_RESPONSE),
    ],
)
def test_what_is_not_an_http_response_is_a_failure(
    data: bytes, outcome: Outcome
) -> None:
    with receiving(raw(data)) as receiver:
        answer = post(receiver.url)

    assert answer.outcome is outcome


def test_cookies_are_neither_kept_nor_sent() -> None:
    with receiving(respond(200, set_cookie="a=b; Path=/")) as receiver:
        post(receiver.url)
        post(receiver.url)

    assert all("cookie" not in request.headers for request in receiver.requests)


def test_nobody_listens() -> None:
    with receiving(respond(200)) as receiver:
        url = receiver.url

    assert post(url).outcome is Outcome.CONNECTION_FAILED


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1:{}/", "https://localhost:{}/", "https://[::1]:{}/"]
)
def test_a_host_that_is_private_by_now_is_never_dialled(url: str) -> None:
    with receiving(respond(200)) as receiver:
        answer = post(url.format(receiver.port), allow_loopback=False)

    assert answer == Answer(Outcome.BLOCKED_TARGET)
    assert receiver.requests == []


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "[::ffff:10.0.0.1]"])
def test_development_opens_loopback_and_no_other_private_address(host: str) -> None:
    for scheme in ("http", "https"):
        answer = post(f"{scheme}://{host}/")

        assert answer == Answer(Outcome.BLOCKED_TARGET)


def test_plain_http_is_blocked_outside_development() -> None:
    with receiving(respond(200)) as receiver:
        answer = post(receiver.url, allow_loopback=False)

    assert answer == Answer(Outcome.BLOCKED_TARGET)
    assert receiver.requests == []


@pytest.mark.parametrize("url", ["http://[::1", "http://a..b/", "nonsense", ""])
def test_a_stored_url_that_is_none_is_a_failure(url: str) -> None:
    answer = post(url)

    assert answer.outcome in (Outcome.INVALID_URL, Outcome.BLOCKED_TARGET)


def test_a_certificate_that_nobody_signed_is_refused(tmp_path: Path) -> None:
    with receiving(respond(200), tls=_self_signed(tmp_path)) as receiver:
        answer = post(receiver.url)

    assert answer == Answer(Outcome.TLS_FAILED)
    assert receiver.requests == []


def test_plain_http_where_tls_should_be_is_refused() -> None:
    with receiving(respond(200)) as receiver:
        answer = post(receiver.url.replace("http:", "https:"))

    assert answer.outcome is Outcome.TLS_FAILED


def _self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context
