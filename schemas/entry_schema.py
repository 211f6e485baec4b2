"""What the schemas of a catalog's entries have in common."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, pre_load


class EntrySchema(Schema):
    """An entry of a catalog. A known field that is null counts as not given."""

    @pre_load
    def drop_absent(self, data: Any, **_: Any) -> Any:
        """Without the fields that are null."""
        if not isinstance(data, Mapping):
            return data
        return {
            name: value
            for name, value in data.items()
            if value is not None or name not in self.fields
        }
