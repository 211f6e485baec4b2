"""A field for exact numbers: ``numeric`` in the database, ``Decimal`` in Python.

Odoo's own number fields pass through doubles, on which 0.0075 or thirty digits do not
survive. Over RPC and in views the number is its text, with every digit it was given,
so the field's type is ``char``; searches and orders compare it as a number.
"""

import re
from decimal import Decimal
from typing import Any

from odoo import fields, models
from odoo.exceptions import ValidationError
from odoo.orm.utils import SQL_OPERATORS
from odoo.tools import SQL

# Plain digits: an exponent would let four bytes ask for thousands of digits.
_DECIMAL = re.compile(r"-?[0-9]{1,100}(\.[0-9]{1,100})?")


def decimal_of(value: Any, where: str) -> Decimal:
    """An exact number from its text (or an integer), every digit kept.

    Raises ValueError on anything else: floats, NaN, infinities, exponents.
    """
    if isinstance(value, Decimal):
        value = format(value, "f")
    elif isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        number = Decimal(value)
        return number if number else number.copy_abs()
    raise ValueError(f"Wrong value for {where}: {value!r} is not a decimal string")


def plain(number: Decimal) -> str:
    """The number's digits as they are, without an exponent."""
    return format(number, "f")


class ExactDecimal(fields.Field):
    """A number of any precision; a Decimal on the record, or False where there is none.

    It has no aggregator: sums for charts are the usage report's, where doubles do.
    """

    type = "char"
    _column_type = ("numeric", "numeric")
    aggregator = None

    def to_sql(self, model: models.BaseModel, alias: str) -> SQL:
        """The column as text: Odoo reads every ``numeric`` as a double."""
        return SQL("%s::text", self._column(alias))

    def _column(self, alias: str) -> SQL:
        return SQL.identifier(alias, self.name, to_flush=self)

    def convert_to_column(
        self, value: Any, record: Any, values: Any = None, validate: bool = True
    ) -> str | None:
        return self.convert_to_cache(value, record, validate)

    def convert_to_cache(
        self, value: Any, record: Any, validate: bool = True
    ) -> str | None:
        """The number's text. Raises ValidationError: a person may have typed it."""
        if value is None or value is False or value == "":
            return None
        try:
            return plain(decimal_of(value, f"{self.model_name}.{self.name}"))
        except ValueError as error:
            raise ValidationError(
                f"{self.string}: {value!r} is not an exact number, such as 0.0075."
            ) from error

    def convert_to_record(self, value: str | None, record: Any) -> Decimal | bool:
        return False if value is None else Decimal(value)

    def convert_to_read(
        self, value: Any, record: Any, use_display_name: bool = True
    ) -> str | bool:
        return False if value is False else plain(value)

    def convert_to_write(self, value: Any, record: Any) -> str | bool:
        """Its text, of a value that may come from a record or from a caller."""
        cached = self.convert_to_cache(value, record)
        return False if cached is None else cached

    def convert_to_export(self, value: Any, record: Any) -> str:
        return self.convert_to_read(value, record) or ""

    def _condition_to_sql(
        self, field_expr: str, operator: str, value: Any, model: Any, alias: str, query
    ) -> SQL:
        """Compared as numbers; patterns match the number's text."""
        text = model._field_to_sql(alias, field_expr, query)  # checks the access
        if operator.endswith("like"):
            return super()._condition_to_sql(
                field_expr, operator, value, model, alias, query
            )
        column = self._column(alias)
        if operator in ("in", "not in"):
            return self._one_of(column, operator == "in", value, model)
        if operator in ("<", "<=", ">", ">="):
            number = SQL("%s::numeric", self.convert_to_column(value, model))
            return SQL("%s%s%s", column, SQL_OPERATORS[operator], number)
        raise NotImplementedError(f"Invalid operator {operator!r} for {text.code}")

    def _one_of(self, column: SQL, wanted: bool, values: Any, model: Any) -> SQL:
        known = [self.convert_to_column(value, model) for value in values]
        numbers = [number for number in known if number is not None]
        found = SQL("%s = ANY (%s::numeric[])", column, numbers)
        if len(numbers) < len(known):
            found = SQL("(%s OR %s IS NULL)", found, column)
        return found if wanted else SQL("(%s) IS NOT TRUE", found)


class ExactOrder(models.AbstractModel):
    """What a model with exact fields inherits to be ordered by them as numbers."""

    _name = "fusion.billing.exact"
    _description = "Ordered by Exact Numbers"

    def _order_field_to_sql(
        self, alias: str, field_name: str, direction: SQL, nulls: SQL, query: Any
    ) -> SQL:
        term = super()._order_field_to_sql(alias, field_name, direction, nulls, query)
        field = self._fields.get(field_name)
        if not isinstance(field, ExactDecimal):
            return term
        return SQL("%s %s %s", field._column(alias), direction, nulls)
