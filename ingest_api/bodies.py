"""Reading a request's body within bounds, whatever is sent."""

import zlib
from typing import Final

from flask import Request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected

from ingest_api.arrival import ArrivalSocket, Refusal
from ingest_api.errors import (
    ApiError,
    bad_request,
    body_too_large,
    request_timeout,
    too_many_bodies,
    unsupported,
)

MAX_BODY_BYTES: Final = 8 * 1024 * 1024
_GZIP: Final = 16 + zlib.MAX_WBITS


def read_json_body(request: Request) -> bytes:
    """The body, unpacked. At most MAX_BODY_BYTES are held packed and unpacked each.

    Raises ApiError: 400 for damaged gzip, 408 and 503 for a slow body, 413, 415.
    """
    if request.mimetype != "application/json":
        raise unsupported("Content-Type must be application/json")
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("gzip", "identity"):
        raise unsupported("Content-Encoding must be gzip or identity")
    # Flask's MAX_CONTENT_LENGTH, one more than ours, bounds the stream: a body in
    # chunks, without a length, is cut off there in silence.
    try:
        body = request.stream.read()
    except ClientDisconnected as error:
        raise _why_cut_off(request) from error
    except ParseException as error:
        raise bad_request("the body is not in chunks, as it says") from error
    if len(body) > MAX_BODY_BYTES:
        raise body_too_large(MAX_BODY_BYTES)
    return unpack_gzip(body) if encoding == "gzip" else body


def _why_cut_off(request: Request) -> ApiError:
    client = request.environ.get("gunicorn.socket")
    refusal = client.refusal if isinstance(client, ArrivalSocket) else None
    if refusal is Refusal.SLOW:
        return request_timeout()
    if refusal is Refusal.NO_PLACE:
        return too_many_bodies()
    return bad_request("the body is cut off")


def unpack_gzip(body: bytes) -> bytes:
    """One gzip stream unpacked; stops as soon as it grows over the limit.

    Raises ApiError: 400 when it is damaged, cut off or followed by more; 413.
    """
    inflater = zlib.decompressobj(_GZIP)
    try:
        unpacked = inflater.decompress(body, MAX_BODY_BYTES + 1)
    except zlib.error as error:
        raise bad_request("the body is not gzip, as Content-Encoding says") from error
    if len(unpacked) > MAX_BODY_BYTES:
        raise body_too_large(MAX_BODY_BYTES)
    if not inflater.eof:
        raise bad_request("the gzip stream is cut off")
    if inflater.unused_data:
        raise bad_request("something follows the end of the gzip stream")
    return unpacked
