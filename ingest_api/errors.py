"""Errors as answers, in the shape that Lago's clients read.

ApiError
  ├─ bad_request        400  not JSON, no wrapper
  ├─ unauthorized       401
  ├─ not_found          404  also: another tenant's, an unknown route, a wrong verb
  ├─ request_timeout    408  the head or the body did not come in time
  ├─ body_too_large     413
  ├─ unsupported        415
  ├─ validation_failed  422
  ├─ charge_unratable   422  the catalog's fault, not the request's
  ├─ too_many_requests  429
  ├─ head_too_large     431
  ├─ not_implemented    501  an endpoint of Lago's that is not here
  ├─ too_many_bodies    503  too many bodies are slow at once
  ├─ books_busy         503  what must be changed is locked for long
  ├─ too_busy           503  large bodies are before this one
  └─ unavailable        503  what was asked cannot be promised now
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Response, json


class ApiError(Exception):
    """An answer that is not a success; every part of it may be shown to the caller."""

    def __init__(
        self,
        status: int,
        *,
        error: str | None = None,
        code: str | None = None,
        message: str | None = None,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {code or error}")
        self.status = status
        self.headers = dict(headers or {})
        self.body: dict[str, Any] = {
            "status": status,
            "error": error or _phrase(status),
        }
        for name, part in (
            ("code", code),
            ("message", message),
            ("error_details", details),
        ):
            if part is not None:
                self.body[name] = part


def bad_request(sentence: str) -> ApiError:
    """400: the request cannot be read at all."""
    return ApiError(400, error=f"BadRequest: {sentence}")


def unauthorized() -> ApiError:
    """401: no key, or none that is valid; never says which."""
    return ApiError(401, headers={"WWW-Authenticate": "Bearer"})


def not_found(code: str = "resource_not_found", message: str | None = None) -> ApiError:
    """404: there is none, or it belongs to another service."""
    return ApiError(404, code=code, message=message)


def request_timeout() -> ApiError:
    """408: what was begun did not come in time; nothing was taken."""
    return ApiError(
        408,
        code="request_timeout",
        message="the request did not come whole in time; send it again, in less time",
    )


def head_too_large() -> ApiError:
    """431: the request's line and headers are over the limit."""
    return ApiError(431, code="head_too_large", message="send fewer or shorter headers")


def too_many_bodies() -> ApiError:
    """503: as many bodies are on their way as may be; this one was not waited for."""
    return ApiError(
        503,
        code="too_many_slow_bodies",
        message="too many bodies come slowly at once; send the same request again",
        headers={"Retry-After": "1"},
    )


def too_busy() -> ApiError:
    """503: other large bodies are being read; this one was not, nor anything asked."""
    return ApiError(
        503,
        code="too_busy",
        message="other large bodies are being read; send the same request again",
        headers={"Retry-After": "1"},
    )


def body_too_large(limit_bytes: int) -> ApiError:
    """413: the body, as sent or unpacked, is over the limit."""
    message = f"a body holds at most {limit_bytes} bytes, also when unpacked"
    return ApiError(
        413, error="Payload Too Large", code="body_too_large", message=message
    )


def unsupported(message: str) -> ApiError:
    """415: a content type or encoding that is not taken."""
    return ApiError(
        415,
        code="unsupported_media_type",
        message=message,
        headers={"Accept-Encoding": "gzip, identity"},
    )


def validation_failed(
    details: Mapping[str, Any],
    message: str | None = None,
    code: str = "validation_errors",
) -> ApiError:
    """422: understood, and refused; ``details`` are lists of texts by field."""
    return ApiError(
        422,
        error="Unprocessable Entity",
        code=code,
        message=message,
        details=details,
    )


def charge_unratable(metric: str | None) -> ApiError:
    """422: what was used has no price; nothing is lost, and the period does not freeze
    until it has one."""
    named = "a charge of the plan" if metric is None else f"the charge for {metric}"
    return validation_failed(
        {"charge": ["value_is_invalid"]},
        f"{named} makes no sense, so that nothing can be priced by it; "
        "usage goes on being counted; mend the charge in the catalog",
        "charge_unratable",
    )


def too_many_requests(
    code: str, message: str, retry_after_seconds: int, limit: int
) -> ApiError:
    """429: come back after so many seconds."""
    return ApiError(
        429,
        code=code,
        message=message,
        headers={
            "Retry-After": str(retry_after_seconds),
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": str(retry_after_seconds),
        },
    )


def not_implemented(instead: str) -> ApiError:
    """501: Lago has it, this has not; ``instead`` says what to use."""
    return ApiError(501, code="endpoint_not_implemented", message=instead)


def unavailable(dependency: str) -> ApiError:
    """503: a dependency is away; a repeat is harmless, whatever became of this try."""
    return ApiError(
        503,
        code=f"{dependency}_unavailable",
        message=f"the {dependency} does not answer; send the same request again",
        headers={"Retry-After": "1"},
    )


def books_busy(retry_after_seconds: int) -> ApiError:
    """503: what must be changed is locked for long; nothing was changed."""
    return ApiError(
        503,
        code="books_busy",
        message="these books are being changed by something else; send the same "
        "request again",
        headers={"Retry-After": str(retry_after_seconds)},
    )


def shown_errors(errors: Mapping[Any, Any]) -> dict[str, Any]:
    """Lists of errors by field; a name that was sent is not repeated at length."""
    return {str(name)[:64]: texts for name, texts in errors.items()}


def error_response(error: ApiError) -> Response:
    """The error as a JSON response."""
    return Response(
        json.dumps(error.body),
        status=error.status,
        headers=error.headers,
        mimetype="application/json",
    )


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase
