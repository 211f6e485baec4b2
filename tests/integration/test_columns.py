"""Columns that go as the text of an array arrive as they were."""

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.columns import text_array
from ledger.db import Connection

ODD = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
KNOWN = st.sampled_from(["", "NULL", "null", '"', "\\", "{}", ",", " a ", '\\"', "é"])


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ODD | KNOWN) | st.lists(st.none() | ODD | KNOWN))
def test_any_texts_arrive_as_they_were(
    conn: Connection, texts: list[str | None]
) -> None:
    row = conn.execute("SELECT %s::text[]", (text_array(texts),)).fetchone()

    assert row == (texts,)


@pytest.mark.parametrize("texts", [["a\0b"], ["a", "\0"], ["\0", None]])
def test_a_nul_is_refused_as_data(conn: Connection, texts: list[str | None]) -> None:
    with pytest.raises(psycopg.DataError):
        conn.execute("SELECT %s::text[]", (text_array(texts),))
