"""Ids of apps' own in paths: any text that the ledger may hold, slashes included."""

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
