"""What a method runs in: transaction, caller, and the records it is called on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from psycopg import Connection
from psycopg.rows import DictRow

from odoo_bridge.embedded.models import Model, Registry

Method = Callable[..., Any]
AnyMethod = TypeVar("AnyMethod", bound=Method)


@dataclass(frozen=True)
class Env:
    """One call's transaction, caller and context."""

    conn: Connection[DictRow]
    uid: int
    models: Registry
    context: Mapping[str, Any]


@dataclass(frozen=True)
class Records:
    """Some records of one model; a method's first argument. ``ids`` are as given."""

    env: Env
    model: Model
    ids: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return f"{self.model.name}({', '.join(map(str, self.ids))})"

    def one(self) -> Any:
        """The id of the one record. Raises ValueError when there are more or none."""
        if len(self.ids) != 1:
            raise ValueError(f"Expected singleton: {self}")
        return self.ids[0]


def api_model(method: AnyMethod) -> AnyMethod:
    """Mark a method that is called on the model: it takes no ids."""
    method._api_model = True  # type: ignore[attr-defined]  # a mark
    return method


def is_api_model(method: Method) -> bool:
    """Whether the method is called on the model and not on records."""
    return bool(getattr(method, "_api_model", False))
