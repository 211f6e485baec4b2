"""One attempt on the wire: a signed POST and what came of it."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

import aiohttp
import structlog

from ledger.retries import parse_retry_after
from ledger.webhooks import Claim, Outcome
from workers.webhooks.dialling import TOTAL_TIMEOUT_SECONDS, Sessions, TargetBlocked
from workers.webhooks.letters import Letter

MAX_RESPONSE_BYTES = 4096
# The statuses by which a receiver says that it is overloaded, not that we are wrong.
_PUTS_OFF = (429, 502, 503, 504)

log = structlog.get_logger()


@dataclass(frozen=True)
class Answer:
    """How an exchange ended. ``response``: the body's first 4 KiB, as text."""

    outcome: Outcome
    status: int | None = None
    response: str = ""
    retry_after: timedelta | None = None


async def post_webhook(
    sessions: Sessions,
    claim: Claim,
    letter: Letter,
    now: datetime,
    *,
    timeout_seconds: float = TOTAL_TIMEOUT_SECONDS,
) -> Answer:
    """Send the letter's bytes as they are; never raises.

    The time-out covers all of it, from the name's look-up to the last byte read.
    """
    session = sessions.get(claim.url.partition(":")[0].lower())
    if session is None:
        return Answer(Outcome.BLOCKED_TARGET)
    try:
        async with (
            asyncio.timeout(timeout_seconds),
            session.post(
                claim.url,
                data=letter.body,
                headers=letter.headers,
                allow_redirects=False,
            ) as response,
        ):
            body = await _read_start(response)
            return Answer(
                _judge(response.status),
                response.status,
                _as_text(body),
                parse_retry_after(response.headers.get("retry-after"), now)
                if response.status in _PUTS_OFF
                else None,
            )
    except Exception as error:  # a bulkhead: one exchange must not end all the others
        return Answer(_classify(error, claim))


async def _read_start(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    while len(body) < MAX_RESPONSE_BYTES:
        chunk = await response.content.read(MAX_RESPONSE_BYTES - len(body))
        if not chunk:
            return bytes(body)
        body += chunk
    response.close()  # whatever else comes is not read
    return bytes(body)


def _judge(status: int) -> Outcome:
    if 200 <= status <= 299:
        return Outcome.DELIVERED
    if 300 <= status <= 399:
        return Outcome.REDIRECT
    return Outcome.GONE if status == 410 else Outcome.HTTP_STATUS


def _classify(error: Exception, claim: Claim) -> Outcome:
    match error:
        case TimeoutError():
            return Outcome.TIMEOUT
        case aiohttp.ClientSSLError() | aiohttp.ClientConnectorCertificateError():
            return Outcome.TLS_FAILED
        case aiohttp.ClientConnectorError(os_error=TargetBlocked()):
            return Outcome.BLOCKED_TARGET
        case aiohttp.InvalidURL() | UnicodeError():  # a name that DNS cannot carry
            return Outcome.INVALID_URL
        case aiohttp.ClientPayloadError() | aiohttp.ClientResponseError():
            return Outcome.INVALID_RESPONSE
        case aiohttp.ClientError() | OSError():
            return Outcome.CONNECTION_FAILED
        case _:
            log.error(
                "webhook_exchange_failed",
                endpoint_id=str(claim.endpoint_id),
                message_id=claim.message_id,
                exc_info=error,
            )
            return Outcome.INTERNAL_ERROR


def _as_text(body: bytes) -> str:
    text = body.decode("utf-8", "replace").replace("\0", "\ufffd")
    # A replacement character is longer than the byte that it stands for.
    return text.encode()[:MAX_RESPONSE_BYTES].decode("utf-8", "ignore")
