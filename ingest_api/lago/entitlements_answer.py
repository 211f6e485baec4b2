"""Entitlements as Lago's clients read them."""

from collections.abc import Mapping
from typing import Any

from ledger.entitlements import Features, Value


def entitlements_answer(features: Features) -> dict[str, Any]:
    """All features. No catalog declares them: a name is the code, and every value the
    subscription's own."""
    return {
        "entitlements": [
            {
                "code": code,
                "name": code,
                "description": None,
                "privileges": [
                    _privilege(name, privileges[name]) for name in sorted(privileges)
                ],
                "overrides": _sorted(privileges),
            }
            for code, privileges in features.items()
        ]
    }


def _privilege(code: str, value: Value) -> dict[str, Any]:
    return {
        "code": code,
        "name": code,
        "value_type": _type_of(value),
        "value": value,
        "plan_value": None,
        "override_value": value,
        "config": {},
    }


def _type_of(value: Value) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "integer" if isinstance(value, int) else "string"


def _sorted(privileges: Mapping[str, Value]) -> dict[str, Value]:
    return {code: privileges[code] for code in sorted(privileges)}
