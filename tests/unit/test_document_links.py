"""Links to PDFs: what was signed opens, until it ends; whatever else does not."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from ingest_api.lago.document_links import LIFE, DocumentLink, link_query, read_link
from ingest_api.lago.document_links import make_link as make

KEY = "A" * 43 + "="
NOW = datetime(2026, 6, 1, tzinfo=UTC)
LINKS = st.builds(
    make,
    st.integers(1, 2**31 - 1),
    st.uuids(),
    st.integers(0, 10**15).map(lambda us: NOW + timedelta(microseconds=us)),
    st.just(NOW),
)


def read(
    query: dict[str, str], public_id: UUID, key: str = KEY, now: datetime = NOW
) -> DocumentLink | None:
    return read_link(key, public_id, query, now)


@given(LINKS)
def test_a_link_is_read_as_it_was_made(link: DocumentLink) -> None:
    query = dict(parse_qsl(link_query(KEY, link)))

    assert read(query, link.public_id) == link


@given(LINKS, LINKS)
def test_no_part_of_one_link_serves_another(
    link: DocumentLink, other: DocumentLink
) -> None:
    query = dict(parse_qsl(link_query(KEY, link)))
    others = dict(parse_qsl(link_query(KEY, other)))

    if link.public_id != other.public_id:
        assert read(query, other.public_id) is None
    for name, value in others.items():
        if query[name] != value:
            assert read({**query, name: value}, link.public_id) is None


@given(LINKS, st.text(), st.sampled_from(["service", "shows", "expires", "signature"]))
def test_no_text_in_a_links_place_opens_it(
    link: DocumentLink, text: str, name: str
) -> None:
    query = dict(parse_qsl(link_query(KEY, link)))
    if text == query[name]:
        return

    assert read({**query, name: text}, link.public_id) is None
    del query[name]
    assert read(query, link.public_id) is None


@given(LINKS)
def test_a_link_ends_and_another_installation_does_not_take_it(
    link: DocumentLink,
) -> None:
    query = dict(parse_qsl(link_query(KEY, link)))

    assert read(query, link.public_id, now=NOW + LIFE - timedelta(seconds=1)) == link
    assert read(query, link.public_id, now=NOW + LIFE) is None
    assert read(query, link.public_id, key="B" * 43 + "=") is None
