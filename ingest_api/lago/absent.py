"""Lago's endpoints that are not here: 501, with what to use instead.

They are routes, so that a client is told why, and not in the OpenAPI document.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from flask import Response

from ingest_api.auth import require_principal
from ingest_api.errors import not_implemented
from schemas.lago_absent_rows import ABSENT, METHODS


@dataclass(frozen=True)
class AbsentRoute:
    """One path of Lago's, and what is said there."""

    methods: tuple[str, ...]
    path: str
    name: str
    view: Callable[..., Response]


def _routes() -> Iterator[AbsentRoute]:
    for row in ABSENT:
        for operation in row.operations:
            method, path = operation.split(" ")
            methods = METHODS if method == "*" else (method,)
            yield AbsentRoute(methods, path, f"absent {operation}", _say(row.instead))


def _say(instead: str) -> Callable[..., Response]:
    def refuse(**_: Any) -> Response:
        require_principal()
        raise not_implemented(instead)

    return refuse


ABSENT_ROUTES: Final = tuple(_routes())
