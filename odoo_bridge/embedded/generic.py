"""The methods that every model has: create, read, write, unlink, search and the like.

A method's first argument is the records it is called on; the others carry the names
and defaults that Odoo gives them, because JSON-2 binds arguments by name.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from odoo_bridge.embedded import store
from odoo_bridge.embedded.domain import compile_domain
from odoo_bridge.embedded.env import Method, Records, api_model
from odoo_bridge.embedded.models import Field
from odoo_bridge.embedded.values import to_wire


@api_model
def create(records: Records, vals_list: Any) -> list[int]:
    """New records from one dict of values, or a list of them."""
    rows = [vals_list] if isinstance(vals_list, Mapping) else vals_list
    for values in rows:
        _require_mapping(values)
        _require_links(records, values)
    return [store.insert(records.env, records.model, values) for values in rows]


def write(records: Records, vals: Any) -> bool:
    """Set the values on every record."""
    _require_mapping(vals)
    if "write" in records.model.watched:
        store.require(records)
    _require_links(records, vals)
    store.update(records, vals)
    return True


def unlink(records: Records) -> bool:
    """Remove the records."""
    if "unlink" in records.model.watched:
        store.require(records)
    store.delete(records)
    return True


def read(
    records: Records, fields: Sequence[str] | None = None, load: Any = "_classic_read"
) -> list[dict[str, Any]]:
    """The records' fields (all, without a list); missing records are left out."""
    names = list(fields) if fields else list(records.model.fields)
    for name in names:
        if name not in records.model.fields:
            raise ValueError(f"Invalid field {name!r} on {records.model.name!r}")
    shown = _record_column(records)
    rows = store.fetch(records, dict.fromkeys([*names, shown]))
    links = _linked_names(records, names, rows) if load else {}
    return [_wire_row(records, row, names, shown, links) for row in rows]


@api_model
def search(
    records: Records,
    domain: Any,
    offset: Any = 0,
    limit: Any = None,
    order: str | None = None,
) -> list[int]:
    """The ids of the records that match the domain."""
    return store.find(records.env, records.model, domain, offset, limit, order)


@api_model
def search_read(
    records: Records,
    domain: Any = None,
    fields: Sequence[str] | None = None,
    offset: Any = 0,
    limit: Any = None,
    order: str | None = None,
    **read_kwargs: Any,
) -> list[dict[str, Any]]:
    """The records that match the domain, read."""
    ids = store.find(records.env, records.model, domain or [], offset, limit, order)
    found = Records(records.env, records.model, tuple(ids))
    return read(found, fields, **read_kwargs)


@api_model
def search_count(records: Records, domain: Any, limit: Any = None) -> int:
    """How many records match, counting no further than the limit."""
    return len(store.find(records.env, records.model, domain, 0, limit, "id"))


@api_model
def name_search(
    records: Records,
    name: str = "",
    domain: Any = None,
    operator: str = "ilike",
    limit: Any = 100,
) -> list[tuple[int, str]]:
    """``[id, name]`` of the records whose name fits."""
    wanted = [*(domain or []), *([["display_name", operator, name]] if name else [])]
    compile_domain(wanted, records.model, records.env.models)
    ids = store.find(records.env, records.model, wanted, 0, limit)
    found = Records(records.env, records.model, tuple(ids))
    return [(row["id"], row["display_name"]) for row in read(found, ["display_name"])]


@api_model
def fields_get(
    records: Records,
    allfields: Iterable[str] | None = None,
    attributes: Iterable[str] | None = None,
) -> dict[str, dict[str, Any]]:
    """The fields' attributes by name; unknown names are left out."""
    chosen = set(allfields) if allfields else set(records.model.fields)
    return {
        name: {
            attribute: value
            for attribute, value in _attributes(name, field).items()
            if not attributes or attribute in attributes
        }
        for name, field in records.model.fields.items()
        if name in chosen
    }


@api_model
def context_get(records: Records) -> dict[str, Any]:
    """The caller's language, time zone and id. On res.users alone."""
    return {"lang": "en_US", "tz": False, "uid": records.env.uid}


GENERIC: Mapping[str, Method] = {
    "create": create,
    "fields_get": fields_get,
    "name_search": name_search,
    "read": read,
    "search": search,
    "search_count": search_count,
    "search_read": search_read,
    "unlink": unlink,
    "write": write,
}


def _attributes(name: str, field: Field) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        "name": name,
        "type": field.wire_type,
        "string": field.label,
        "required": field.required,
        "readonly": field.readonly,
        "store": name != "display_name",
        "searchable": True,
        "sortable": True,
    }
    if field.relation:
        attributes["relation"] = field.relation
    if field.selection:
        attributes["selection"] = [(value, value.title()) for value in field.selection]
    return attributes


def _record_column(records: Records) -> str:
    return records.model.record_name


def _linked_names(
    records: Records, names: Iterable[str], rows: list[dict[str, Any]]
) -> dict[tuple[str, int], str]:
    """The display names of every linked record, by (model, id)."""
    wanted: dict[str, set[int]] = {}
    for name in names:
        relation = records.model.fields[name].relation
        if relation in records.env.models:
            wanted.setdefault(relation, set()).update(
                row[name] for row in rows if row[name] is not None
            )
    found = {}
    for relation, ids in wanted.items():
        target = Records(records.env, records.env.models[relation], tuple(ids))
        column = _record_column(target)
        for row in store.fetch(target, [column]):
            found[relation, row["id"]] = _shown(target, row[column], row["id"])
    return found


def _wire_row(
    records: Records,
    row: Mapping[str, Any],
    names: Iterable[str],
    shown: str,
    links: Mapping[tuple[str, int], str],
) -> dict[str, Any]:
    wire: dict[str, Any] = {"id": row["id"]}
    for name in names:
        field = records.model.fields[name]
        if name == "display_name":
            wire[name] = _shown(records, row[shown], row["id"])
        elif field.relation and links:
            target = row[name]
            known = links.get((field.relation, target))
            wire[name] = [target, known] if known is not None else False
        else:
            wire[name] = to_wire(field, row[name])
    return wire


def _shown(records: Records, name: Any, key: int) -> str:
    if records.model.record_name == "id":
        return f"{records.model.name},{key}"
    return str(name) if name else f"{records.model.name},{key}"


def _require_mapping(values: Any) -> None:
    if not isinstance(values, Mapping):
        kind = type(values).__name__
        raise AttributeError(f"{kind!r} object has no attribute 'get'")


def _require_links(records: Records, values: Mapping[str, Any]) -> None:
    for name in records.model.read:
        if isinstance(key := values.get(name), int) and key:
            target = records.env.models[records.model.fields[name].relation]
            store.require(Records(records.env, target, (key,)))
