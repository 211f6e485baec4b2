"""One operation of the API, as tables of routes hold it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from flask import Response
from marshmallow import Schema


@dataclass(frozen=True)
class Route:
    """One operation. ``path`` is Werkzeug's; ``answers`` are schemas by status, None
    for a body that is not JSON of ours, but of the ``content_type``; ``errors`` the
    statuses that an error may have.

    ``open``: no key is asked for.
    """

    method: str
    path: str
    name: str
    view: Callable[..., Response]
    summary: str
    answers: Mapping[int, type[Schema] | None]
    errors: tuple[int, ...] = ()
    body: type[Schema] | None = None
    query: type[Schema] | None = None
    required_query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    open: bool = False
    content_type: str = "text/plain"
