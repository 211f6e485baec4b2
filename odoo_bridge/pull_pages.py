"""Pages of ``export_catalog``."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from odoo_bridge.client import OdooClient
from odoo_bridge.errors import OdooInvalidError, OdooMisconfiguredError
from schemas.odoo_rows import odoo_time

MODEL: Final = "fusion.billing.service"
PAGE_ROWS: Final = 500


@dataclass(frozen=True)
class Page:
    """Rows of ids past ``after_id`` up to ``last_id``, rising."""

    rows: list[Any]
    after_id: int
    last_id: int


def read_pages(
    client: OdooClient,
    kind: str,
    since: datetime | None = None,
    ids: Collection[int] = (),
) -> Iterator[Page]:
    """Pages by rising id, so that no row is left out between two of them.

    ``since``: of what was written then or later, and of those ``ids``; without it, of
    those alone, or of everything where there are none. Raises OdooError.
    """
    after_id = 0
    while True:
        named: dict[str, Any] = {}
        if since is not None:
            named["since"] = odoo_time(since)
        if ids:
            named["record_ids"] = sorted(ids)
        answer = client.repeat(
            MODEL,
            "export_catalog",
            kind=kind,
            after_id=after_id,
            limit=PAGE_ROWS,
            **named,
        )
        rows, last_id = _read_page(answer)
        if not rows:
            return
        yield Page(rows, after_id, last_id)
        if last_id <= after_id:
            raise OdooInvalidError(
                f"export_catalog({kind}) does not advance: {last_id}"
            )
        after_id = last_id


def _read_page(answer: Any) -> tuple[list[Any], int]:
    """A page's rows and last id. Raises OdooMisconfiguredError on another shape."""
    if isinstance(answer, Mapping):
        rows, last_id = answer.get("rows"), answer.get("last_id")
        if isinstance(rows, list) and type(last_id) is int:
            return rows, last_id
    raise OdooMisconfiguredError(
        "export_catalog answered something else than a page of rows; another version "
        "of the addon is installed in Odoo"
    )
