"""Codes of the catalog in paths."""

from ingest_api.errors import not_found
from ingest_api.path_ids import find_no_odd_text, path_is_text


def code_in_path(code: str, unknown: str) -> str:
    """The code. Raises ApiError 404 ``unknown`` when nothing can be called so."""
    if not path_is_text():
        raise not_found(unknown)
    find_no_odd_text(code, unknown)
    return code
