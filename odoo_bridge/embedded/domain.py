"""A search domain (a list in prefix notation) as SQL with named parameters.

Names become identifiers only after they are found among the model's fields; values
only ever travel as parameters. What each operator means is Odoo 19's
(``odoo/orm/domains.py``): texts match empty where nothing is set, datetimes compare
by the whole second, a path asks whether *any* linked record fits.
"""

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import sql

from odoo_bridge.embedded.conditions import (
    Condition,
    comparable,
    is_empty,
    nothing_of,
    span_of,
)
from odoo_bridge.embedded.models import Field, Model, Registry

NEGATIONS = {
    "!=": "=",
    "<>": "=",
    "not in": "in",
    "not like": "like",
    "not ilike": "ilike",
    "not =like": "=like",
    "not =ilike": "=ilike",
    "not any": "any",
}
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
INEQUALITIES = tuple(COMPARE)
PATTERNS = {"like": "LIKE", "ilike": "ILIKE", "=like": "LIKE", "=ilike": "ILIKE"}
OPERATORS = {"=", "in", "any", *INEQUALITIES, *PATTERNS, *NEGATIONS}

TRUE, FALSE = sql.SQL("TRUE"), sql.SQL("FALSE")


@dataclass
class Compiled:
    """The condition, its parameters, and the fields of the model that it names."""

    params: dict[str, Any] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    where: sql.Composable = field(default_factory=lambda: TRUE)

    def bind(self, value: Any) -> sql.Composable:
        """A placeholder for the value."""
        name = f"p{len(self.params)}"
        self.params[name] = value
        return sql.Placeholder(name)


def compile_domain(domain: Any, model: Model, models: Registry) -> Compiled:
    """The domain as SQL. Raises ValueError or TypeError on one that means nothing."""
    compiled = Compiled()
    compiled.where = _conjunction(domain, model, models, compiled)
    return compiled


def _conjunction(
    domain: Any, model: Model, models: Registry, out: Compiled
) -> sql.Composable:
    if isinstance(domain, bool):
        return TRUE if domain else FALSE
    if not isinstance(domain, list | tuple):
        raise TypeError(f"Domain() invalid argument type for domain: {domain!r}")
    items = iter(domain)
    terms = []
    for item in items:
        try:
            terms.append(_term(item, items, model, models, out))
        except StopIteration as error:
            raise ValueError(f"Domain() malformed domain {domain!r}") from error
    return sql.SQL(" AND ").join(terms) if terms else TRUE


def _term(
    item: Any, rest: Iterator[Any], model: Model, models: Registry, out: Compiled
) -> sql.Composable:
    if item == "!":
        term = _term(next(rest), rest, model, models, out)
        return sql.SQL("(NOT coalesce({}, FALSE))").format(term)
    if item in ("&", "|"):
        left = _term(next(rest), rest, model, models, out)
        right = _term(next(rest), rest, model, models, out)
        word = sql.SQL(" AND " if item == "&" else " OR ")
        return sql.SQL("({})").format(word.join((left, right)))
    if not isinstance(item, list | tuple) or len(item) != 3:
        raise ValueError(f"Domain() invalid item in domain: {item!r}")
    path, sign, value = item
    if not isinstance(path, str):
        if (path, sign, value) in ((1, "=", 1), (0, "=", 1)):
            return TRUE if path else FALSE
        raise TypeError(f"Domain() invalid arguments: {tuple(item)!r}")
    return _condition(Condition(path, sign, value, model, models), out)


def _condition(c: Condition, out: Compiled) -> sql.Composable:
    if not c.path:
        raise c.fail("Empty field name", TypeError)
    if not isinstance(c.operator, str) or c.operator not in OPERATORS:
        raise c.fail("Invalid operator")
    name, _, rest = c.path.partition(".")
    found = c.model.fields.get(name)
    if found is None:
        raise c.fail(f"Invalid field {c.model.name}.{name}")
    out.names.add(name)
    if name == "display_name":
        shown = c.model.record_name
        return _condition(Condition(shown, c.operator, c.value, c.model, c.models), out)
    if rest:
        if found.type != "many2one":
            raise ValueError(
                f"Invalid field property {rest!r} on {c.model.name}.{name}"
            )
        return _any(c, name, found, [[rest, c.operator, c.value]], out)
    if c.operator in NEGATIONS:
        positive = Condition(c.path, NEGATIONS[c.operator], c.value, c.model, c.models)
        inner = _positive(positive, name, found, out)
        return sql.SQL("(NOT coalesce({}, FALSE))").format(inner)
    return _positive(c, name, found, out)


def _positive(c: Condition, name: str, found: Field, out: Compiled) -> sql.Composable:
    column = sql.Identifier(c.model.table, name)
    if c.operator == "any":
        if found.type != "many2one":
            raise c.fail("Cannot use 'any' with non-relational fields")
        return _any(c, name, found, c.value, out)
    if c.operator in PATTERNS:
        return _pattern(c, name, found, column, out)
    if c.operator in INEQUALITIES:
        return _inequality(c, found, column, out)
    values = list(c.value) if isinstance(c.value, list | tuple) else [c.value]
    return _membership(c, name, found, column, values, out)


def _any(
    c: Condition, name: str, found: Field, domain: Any, out: Compiled
) -> sql.Composable:
    target = c.models.get(found.relation)
    if target is None:
        raise c.fail("Cannot determine the comodel relation")
    names, out.names = out.names, set()
    inner = _conjunction(domain, target, c.models, out)
    out.names = names
    return sql.SQL("{} IN (SELECT {} FROM {} WHERE {})").format(
        sql.Identifier(c.model.table, name),
        sql.Identifier(target.table, "id"),
        sql.Identifier(target.table),
        inner,
    )


def _pattern(
    c: Condition, name: str, found: Field, column: sql.Composable, out: Compiled
) -> sql.Composable:
    if found.type == "many2one":
        return _any(c, name, found, [["display_name", c.operator, c.value]], out)
    exact = c.operator.startswith("=")
    if not c.value:
        return _membership(c, name, found, column, [False], out) if exact else TRUE
    if exact and not isinstance(c.value, str):
        raise c.fail("The pattern to match must be a string", TypeError)
    pattern = str(c.value)
    if not exact:
        pattern = f"%{pattern}%"
    return sql.SQL("{}::text {} {}").format(
        column, sql.SQL(PATTERNS[c.operator]), out.bind(pattern)
    )


def _inequality(
    c: Condition, found: Field, column: sql.Composable, out: Compiled
) -> sql.Composable:
    if found.type == "many2one" and isinstance(c.value, str):
        raise c.fail(
            "Inequality not supported for relational field using a string", TypeError
        )
    if c.value is False or c.value is None:
        return FALSE
    sign, value = c.operator, comparable(c, found, c.value)
    if isinstance(value, datetime):
        whole = span_of(c.value)
        if sign == ">":
            sign, value = ">=", value + whole
        elif sign == "<=":
            sign, value = "<", value + whole
    term = sql.SQL("{} {} {}").format(column, sql.SQL(sign), out.bind(value))
    nothing = nothing_of(found)
    if nothing is not None and COMPARE[sign](nothing, value):
        return sql.SQL("({} OR {} IS NULL)").format(term, column)
    return term


def _membership(
    c: Condition,
    name: str,
    found: Field,
    column: sql.Composable,
    values: list[Any],
    out: Compiled,
) -> sql.Composable:
    empty = [value for value in values if is_empty(found, value)]
    terms: list[sql.Composable] = []
    plain = []
    for value in values:
        if is_empty(found, value):
            continue
        if found.type == "many2one" and isinstance(value, str):
            terms.append(_any(c, name, found, [["display_name", "=", value]], out))
        elif found.type == "datetime":
            start = comparable(c, found, value)
            end = start + span_of(value)
            terms.append(
                sql.SQL("({0} >= {1} AND {0} < {2})").format(
                    column, out.bind(start), out.bind(end)
                )
            )
        else:
            plain.append(out.bind(comparable(c, found, value)))
    if plain:
        listed = sql.SQL(", ").join(plain)
        terms.append(sql.SQL("{} IN ({})").format(column, listed))
    if empty and name != "id":
        terms.append(sql.SQL("{} IS NULL").format(column))
        if (nothing := nothing_of(found)) is not None:
            terms.append(sql.SQL("{} = {}").format(column, out.bind(nothing)))
    return sql.SQL("({})").format(sql.SQL(" OR ").join(terms)) if terms else FALSE
