"""Ids of apps' own in paths: any text that the ledger may hold, slashes included."""

from flask import request
from werkzeug.routing import PathConverter

from ingest_api.errors import not_found
from schemas.texts import TextInvalid, check_text


class IdConverter(PathConverter):
    """As ``path``, and for ids that begin with a slash."""

    regex = ".+?"
    part_isolating = False


def find_no_odd_text(text: str, code: str) -> None:
    """No id has NUL in it, which PostgreSQL does not take, or is too long.

    Raises ApiError 404 with this code.
    """
    try:
        check_text(text)
    except TextInvalid as error:
        raise not_found(code) from error


def path_is_text() -> bool:
    """Whether the path is UTF-8; what is not is read with U+FFFD in its place, and
    could be taken for an id that has that in it."""
    try:
        request.environ["PATH_INFO"].encode("latin-1").decode()
    except UnicodeError:
        return False
    return True
