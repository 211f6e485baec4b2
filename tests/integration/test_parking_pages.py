"""A page of the parking lot is as long as the database can take it."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from ledger.db import Connection
from ledger.giving_up import bury_expired
from ledger.unparking import apply_parked
from ledger.verify import verify_books
from tests.ledger_world import (
    NOW,
    World,
    add_subscription,
    counter,
    make_world,
)
from tests.parked_world import DAY, outcomes, park
from workers.parked import review_parked
from workers.unpark import unpark_all

MEMBERS = tuple(sorted(f"m{number}" for number in range(10_000)))
END = NOW + 30 * DAY


@pytest.fixture
def world(conn: Connection) -> World:
    """A service with one subscription; what it pushes for ``sub-1`` is parked."""
    return make_world(conn, subscriptions=1)


def refuse_pages(conn: Connection, longer_than: int) -> None:
    """As if longer pages always timed out: the database ends them as it does then."""
    conn.execute(
        """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           IF (SELECT count(*) FROM gone) > tg_argv[0]::integer
           THEN RAISE 'too long' USING ERRCODE = '57014'; END IF;
           RETURN NULL; END $$"""
    )
    conn.execute(
        "CREATE TRIGGER refuse AFTER DELETE ON parked_counter"
        " REFERENCING OLD TABLE AS gone FOR EACH STATEMENT"
        f" EXECUTE FUNCTION refuse({longer_than})".encode()
    )
    conn.commit()


def park_lists(conn: Connection, world: World) -> None:
    for batch in range(3):
        items = [
            counter(f"{batch}-{n}", "unique", None, MEMBERS, subscription="sub-1")
            for n in range(8)
        ]
        park(conn, world, items)


def pages(conn: Connection, take: Callable[[], int]) -> list[int]:
    found = []
    while page := take():
        conn.commit()
        found.append(page)
    return found


def test_a_page_of_long_lists_is_applied_by_their_members(
    conn: Connection, world: World
) -> None:
    park_lists(conn, world)
    add_subscription(conn, world.code, "sub-1")

    whole = apply_parked(conn, world.service_id, NOW)
    rest = pages(conn, lambda: apply_parked(conn, world.service_id, NOW, 4))

    assert (whole, rest) == (10, [3, 3, 3, 3, 2])
    conn.rollback()
    assert verify_books(conn, world.code)[0].mismatches == []


def test_a_page_of_long_lists_is_given_up_by_their_members(
    conn: Connection, world: World
) -> None:
    park_lists(conn, world)

    found = pages(conn, lambda: bury_expired(conn, world.service_id, DAY, END))

    assert found == [10, 10, 4]


def test_a_page_of_light_counters_is_as_long_as_ever(
    conn: Connection, world: World
) -> None:
    for name in "ab":
        items = [counter(f"{name}{n}", subscription="sub-1") for n in range(1_100)]
        park(conn, world, items)
    add_subscription(conn, world.code, "sub-1")

    assert pages(conn, lambda: apply_parked(conn, world.service_id, NOW)) == [2000, 200]


def test_pages_that_time_out_are_halved_until_they_do_not(
    database_url: str, conn: Connection, world: World
) -> None:
    items = [counter(f"t{n}", subscription="sub-1") for n in range(700)]
    message = park(conn, world, items)
    add_subscription(conn, world.code, "sub-1")
    refuse_pages(conn, longer_than=300)

    applied = unpark_all(database_url, lambda: NOW)

    assert applied == 700
    assert outcomes(conn, world, message.batch_id) == {"applied": 700}


def test_giving_up_halves_its_pages_as_well(
    database_url: str, conn: Connection, world: World
) -> None:
    items = [counter(f"t{n}", subscription="sub-1") for n in range(700)]
    message = park(conn, world, items)
    refuse_pages(conn, longer_than=300)

    review_parked(database_url, timedelta(days=2), lambda: END)

    assert outcomes(conn, world, message.batch_id) == {"rejected": 700}


def test_a_service_whose_smallest_pages_time_out_holds_up_no_other(
    database_url: str, conn: Connection, world: World
) -> None:
    other = make_world(conn, subscriptions=1)
    for each, count in ((world, 2_000), (other, 1)):
        items = [counter(f"t{n}", subscription="sub-1") for n in range(count)]
        park(conn, each, items)
        add_subscription(conn, each.code, "sub-1")
    refuse_pages(conn, longer_than=1)

    with capture_logs() as lines:
        applied = unpark_all(database_url, lambda: NOW)

    assert applied == 1
    assert [line["event"] for line in lines] == ["parked_not_applied", "parked_applied"]
