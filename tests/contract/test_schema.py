"""The tables are what the models say: a column per field, a message per constraint."""

from collections.abc import Iterator

import psycopg
import pytest

from odoo_bridge.embedded.addon import addon_models
from odoo_bridge.embedded.app import prepare_database
from tests.embedded_servers import PostgresServer, new_database

COMPUTED = {"display_name"}


@pytest.fixture(scope="module")
def tables(postgres_server: PostgresServer) -> Iterator[psycopg.Connection]:
    """A database with the stand-in's tables, made twice."""
    with new_database(postgres_server, "standin_schema") as url:
        first = prepare_database(url, "someone")
        assert prepare_database(url, "someone") == first
        with psycopg.connect(url) as conn:
            yield conn


def test_every_field_has_a_column_and_every_column_a_field(
    tables: psycopg.Connection,
) -> None:
    for model in addon_models().values():
        rows = tables.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s",
            [model.table],
        )
        assert {name for (name,) in rows} == set(model.fields) - COMPUTED, model.name


def test_required_fields_are_not_null_and_decimals_are_numeric(
    tables: psycopg.Connection,
) -> None:
    for model in addon_models().values():
        rows = tables.execute(
            "SELECT column_name, is_nullable, data_type "
            "FROM information_schema.columns WHERE table_name = %s",
            [model.table],
        )
        for name, nullable, kind in rows:
            field = model.fields[name]
            if name != "id":
                assert (nullable == "NO") == field.required, (model.name, name)
            assert (kind == "numeric") == (field.type == "decimal"), (model.name, name)


def test_every_unique_and_check_constraint_has_a_message(
    tables: psycopg.Connection,
) -> None:
    for model in addon_models().values():
        rows = tables.execute(
            "SELECT conname FROM pg_constraint "
            "WHERE conrelid = %(table)s::regclass AND contype IN ('u', 'c') "
            "UNION SELECT indexrelid::regclass::text FROM pg_index "
            "WHERE indrelid = %(table)s::regclass AND indisunique AND NOT indisprimary",
            {"table": model.table},
        )
        assert {name for (name,) in rows} == set(model.constraints), model.name
