"""Who may change the catalog, and how a change that it does not allow is answered."""

from collections.abc import Mapping
from typing import Final

from ingest_api.auth import require_principal
from ingest_api.errors import ApiError, validation_failed
from ingest_api.lago.wrapped import require_scope
from ledger.keys import Principal
from ledger.local_changes import LocalChangeRefused

SCOPE: Final = "catalog"

_SENTENCE: Final = (
    "Odoo owns the catalog: change it there, or with a key that may: "
    "fusion-billing keys create SERVICE --scope catalog"
)
_FIELDS: Final = {
    "aggregation": "aggregation_type",
    "rounding": "rounding_function",
    "price": "amount_cents",
    "currency": "amount_currency",
}


def require_catalog_principal() -> Principal:
    """Whose key it is. Raises ApiError 401, 429, or 403 without the scope."""
    principal = require_principal()
    require_scope(principal, SCOPE, _SENTENCE)
    return principal


def already_there(sentence: str | None = None) -> ApiError:
    """422: the code is taken."""
    return validation_failed({"code": ["value_already_exist"]}, sentence)


def refused_change(error: LocalChangeRefused) -> ApiError:
    """422 with the field that the refusal names, as Lago calls it."""
    field, _, sentence = str(error).partition(": ")
    top = field.split(".")[0]
    details: Mapping[str, list[str]] = {_FIELDS.get(top, top): ["value_is_invalid"]}
    return validation_failed(details, f"{field}: {sentence}")


def in_use(code: str, error: LocalChangeRefused) -> ApiError:
    """405, Lago's status for what must not be done now: something uses it."""
    return ApiError(405, code=code, message=str(error).partition(": ")[2])
