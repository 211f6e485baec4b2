"""Who asks: the bearer key of a request, its service, its scopes and its rate."""

from typing import Final

from flask import g, request

from ingest_api.api import Api, current_api
from ingest_api.bounded import Unavailable
from ingest_api.errors import too_many_requests, unauthorized
from ledger.keys import Principal, authenticate

AUTHENTICATE_SECONDS: Final = 1.0
MAX_KEY_CHARS: Final = 200


def require_principal(*, while_database_away: bool = False) -> Principal:
    """The service whose key the request carries.

    With ``while_database_away``, a key that was good within the last 10 minutes will do
    while PostgreSQL does not answer. Raises ApiError 401 or 429, or Unavailable.
    """
    api = current_api()
    key = _bearer_key(request.headers.get("Authorization", ""))
    principal = _authenticate(api, key, while_database_away=while_database_away)
    # By the key's public prefix: the limiter's storage need not know a secret.
    allowance = api.rate.take(key.split("_", 2)[1])
    g.rate_headers = {
        "X-RateLimit-Limit": str(allowance.limit),
        "X-RateLimit-Remaining": str(allowance.remaining),
        "X-RateLimit-Reset": str(allowance.reset_seconds),
    }
    if not allowance.allowed:
        raise too_many_requests(
            "rate_limit_exceeded",
            "this key has sent more requests than it may in one second",
            allowance.reset_seconds,
            allowance.limit,
        )
    return principal


def _bearer_key(header: str) -> str:
    scheme, _, key = header.partition(" ")
    key = key.strip()
    plain = key.isascii() and key.isprintable() and len(key) <= MAX_KEY_CHARS
    if scheme.lower() != "bearer" or not plain or key.count("_") < 2:
        raise unauthorized()
    return key


def _authenticate(api: Api, key: str, *, while_database_away: bool) -> Principal:
    try:
        principal = api.run_one(
            lambda conn: authenticate(conn, key), AUTHENTICATE_SECONDS
        )
    except Unavailable:
        remembered = api.keys.recall(key) if while_database_away else None
        if remembered is None:
            raise
        return remembered
    if principal is None:
        api.keys.forget(key)
        raise unauthorized()
    api.keys.remember(key, principal)
    return principal
