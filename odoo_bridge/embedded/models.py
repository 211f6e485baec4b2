"""Models and fields as plain data. The tables are in the ``.sql`` files here.

A ``decimal`` field is ``numeric`` in the database and crosses the wire as a string,
so that no digit is lost; ``fields_get`` calls it a ``char``, as the addon will.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Field:
    """One field: its type, its label, and what the database holds it to."""

    type: str
    label: str
    required: bool = False
    readonly: bool = False
    relation: str = ""
    selection: tuple[str, ...] = ()
    default: Any = None

    @property
    def wire_type(self) -> str:
        """The type that ``fields_get`` reports."""
        return "char" if self.type == "decimal" else self.type


@dataclass(frozen=True)
class Model:
    """One model: fields, and the messages of its database constraints.

    ``watched`` names the operations that say MissingError on a missing record (those
    with record rules or mail's followers in Odoo); the others answer true. ``read``
    names the links that Odoo follows on writing: a missing target is a MissingError
    there, and elsewhere a foreign key's ValidationError.
    """

    name: str
    label: str
    fields: Mapping[str, Field]
    record_name: str = "name"
    order: str = "id"
    watched: tuple[str, ...] = ("write", "unlink")
    read: tuple[str, ...] = ()
    constraints: Mapping[str, str] = field(default_factory=dict)
    methods: Mapping[str, Callable[..., Any]] = field(default_factory=dict)

    @property
    def table(self) -> str:
        """The table's name, as Odoo derives it."""
        return self.name.replace(".", "_")


Registry = Mapping[str, Model]

LOG_FIELDS: Mapping[str, Field] = {
    "id": Field("integer", "ID", readonly=True),
    "display_name": Field("char", "Display Name", readonly=True),
    "create_uid": Field("many2one", "Created by", readonly=True, relation="res.users"),
    "create_date": Field("datetime", "Created on", readonly=True),
    "write_uid": Field(
        "many2one", "Last Updated by", readonly=True, relation="res.users"
    ),
    "write_date": Field("datetime", "Last Updated on", readonly=True),
}


def required(label: str) -> Field:
    """A text that must be there."""
    return Field("char", label, required=True)


def link(label: str, relation: str, *, required: bool = False) -> Field:
    """A many-to-one."""
    return Field("many2one", label, relation=relation, required=required)


def choice(label: str, *values: str, default: str | None = None) -> Field:
    """A selection that must be made."""
    return Field("selection", label, required=True, selection=values, default=default)


def model(name: str, label: str, fields: Mapping[str, Field], **more: Any) -> Model:
    """A model with the fields that every model has."""
    return Model(name, label, {**LOG_FIELDS, **fields}, **more)


def registry(*models: Model) -> Registry:
    """Models by name."""
    return {entry.name: entry for entry in models}
