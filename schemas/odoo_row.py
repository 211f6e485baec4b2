"""What rows of Odoo's have in common."""

from collections.abc import Mapping
from typing import Any

from marshmallow import EXCLUDE, pre_load

from schemas.entry_schema import EntrySchema


class OdooRow(EntrySchema):
    """Odoo's False is "not given", and every text may be False."""

    class Meta(EntrySchema.Meta):
        unknown = EXCLUDE

    @pre_load
    def drop_false(self, data: Any, **_: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        return {name: value for name, value in data.items() if value is not False}
