"""``/webhooks/json_public_key`` and ``/webhooks/public_key``: what verifies a JWT."""

import base64
from typing import Final

from flask import Response, jsonify

from ingest_api.api import current_api
from ingest_api.auth import require_principal
from ingest_api.route import Route
from ledger.signing_key import signing_key_of
from schemas.lago_webhooks import PublicKeyAnswerSchema

_ANSWER: Final = PublicKeyAnswerSchema()


def show_json_public_key() -> Response:
    """The key, wrapped."""
    return jsonify(_ANSWER.dump({"webhook": {"public_key": _public_key()}}))


def show_public_key() -> Response:
    """The key alone, as text."""
    return Response(_public_key(), mimetype="text/plain")


def _public_key() -> str:
    require_principal()
    api = current_api()
    key = api.query(lambda conn: signing_key_of(conn, api.settings.secret_key))
    return base64.b64encode(key.public_key.encode()).decode()


ROUTES: Final = (
    Route(
        method="GET",
        path="/webhooks/json_public_key",
        name="show_json_public_key",
        view=show_json_public_key,
        summary="The key that verifies webhooks signed as JWT",
        answers={200: PublicKeyAnswerSchema},
        errors=(401, 429, 503),
    ),
    Route(
        method="GET",
        path="/webhooks/public_key",
        name="show_public_key",
        view=show_public_key,
        summary="The same key as plain base64",
        answers={200: None},
        errors=(401, 429, 503),
    ),
)
