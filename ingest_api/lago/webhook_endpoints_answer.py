"""Webhook endpoints in the shape that Lago's clients read."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ingest_api.usage_answer import instant_text
from ledger.app_endpoints import AppEndpoint
from schemas.lago_webhook_endpoints import (
    EndpointAnswerSchema,
    EndpointsAnswerSchema,
    EndpointSecretAnswerSchema,
)

_ONE: Final = EndpointAnswerSchema()
_WITH_SECRET: Final = EndpointSecretAnswerSchema()
_LIST: Final = EndpointsAnswerSchema()


def endpoint_answer(endpoint: AppEndpoint) -> Any:
    """One endpoint."""
    return _ONE.dump({"webhook_endpoint": _values(endpoint)})


def secret_answer(endpoint: AppEndpoint, secret: str) -> Any:
    """One endpoint and its new secret."""
    values = {**_values(endpoint), "secret": secret}
    return _WITH_SECRET.dump({"webhook_endpoint": values})


def endpoints_answer(endpoints: Sequence[AppEndpoint], meta: Mapping[str, Any]) -> Any:
    """A page of them."""
    values = [_values(endpoint) for endpoint in endpoints]
    return _LIST.dump({"webhook_endpoints": values, "meta": meta})


def _values(endpoint: AppEndpoint) -> dict[str, Any]:
    return {
        "lago_id": endpoint.id,
        "lago_organization_id": endpoint.organization_id,
        "webhook_url": endpoint.url,
        "signature_algo": endpoint.signature_algo,
        "name": endpoint.name or None,
        "event_types": list(endpoint.event_types) or None,
        "created_at": instant_text(endpoint.created_at),
        "body_style": endpoint.body_style,
        "enabled": endpoint.enabled,
        "disabled_reason": endpoint.disabled_reason,
    }
