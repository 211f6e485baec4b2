"""P9: whatever apps, persons in Odoo, sends and pulls do, both sides end the same.

Changes of one customer and one subscription by the app and by hand, calls that are lost
before or after Odoo took them, late calls, and pulls that read before and write after,
by chance. Each field ends as whoever had the last word left it: the app, as long as
Odoo has not taken what it changed, and else the person. No counter is lost on the way,
and the books agree after it.
"""

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ledger.db import connect as connect_ledger
from ledger.verify import verify_books
from odoo_bridge.errors import OdooUnreachableError
from odoo_bridge.outgoing import send_changes
from odoo_bridge.pull import pull_catalog
from tests.bridge_world import Between, Bridge, bridge_to
from tests.contract.odoo_target import OdooTarget
from tests.ledger_world import NOW, counter, make_message, push
from tests.outgoing_world import (
    by_hand,
    change_client,
    change_subscription,
    client_by_hand,
    exported,
    in_ledger,
    now,
    save_client,
    subscribe,
    waiting,
)

ENDS = (None, NOW, NOW + timedelta(days=40))
ZONES = ("UTC", "Asia/Tokyo", "America/Vancouver")
_ahead = (timedelta(seconds=20 * number) for number in itertools.count())
"""A clock that never goes back, also from one history to the next."""
WORDS = {
    "customer": ("name",),
    "subscription": ("ended_at", "timezone", "anchor"),
}
NAMES = {"customer": "app-1", "subscription": "s"}
STATE = (
    "SELECT l.revision, l.unsent FROM local_change l JOIN {} r ON r.id = l.record_id "
    "WHERE l.kind = %s AND r.service_id = %s AND r.external_id = %s"
)


class Crash(BaseException):
    """What stands in for a bridge that is killed: nothing catches it."""


class Losing:
    """A client whose calls of apply_catalog are lost, before or after Odoo has them."""

    def __init__(self, bridge: Bridge, taken: bool, held: list[Any]) -> None:
        self._client, self._taken, self._held = bridge.client, taken, held

    def call(self, model: str, method: str, **named: Any) -> Any:
        """Not lost: it asks whether Odoo is there."""
        return self._client.call(model, method, **named)

    def repeat(self, model: str, method: str, **named: Any) -> Any:
        """Lost; one that Odoo has not taken yet may still come to it, late."""
        if method != "apply_catalog":
            return self._client.repeat(model, method, **named)
        if self._taken:
            self._client.repeat(model, method, **named)
        else:
            self._held.append(named)
        raise Crash


@dataclass
class History:
    """What may happen, and ``log``: what did. ``last``: the last word on a field."""

    bridge: Bridge
    chance: random.Random
    pushed: int = 0
    held: list[Any] = field(default_factory=list)
    last: dict[tuple[str, str], Any] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    def clock(self) -> Any:
        return now() + next(_ahead)

    def app_changes_client(self) -> None:
        change_client(self.bridge, "app-1", name=self.name("App"))
        self.app_had_the_word("customer")

    def app_changes_terms(self) -> None:
        values: dict[str, Any] = {
            "ended_at": self.chance.choice(ENDS),
            "timezone": self.chance.choice(ZONES),
            "anchor": self.chance.choice(["calendar", "anniversary"]),
        }
        names = self.chance.sample(sorted(values), self.chance.randint(1, 3))
        change_subscription(self.bridge, "s", **{name: values[name] for name in names})
        self.app_had_the_word("subscription")

    def person_changes_client(self) -> None:
        if "app-1" in exported(self.bridge, "customer"):
            name = self.name("Person")
            self.person_had_the_word("customer", "name", name)
            client_by_hand(self.bridge, "app-1", name=name)

    def person_changes_terms(self) -> None:
        if "s" in exported(self.bridge, "subscription"):
            end, zone = self.chance.choice(ENDS), self.chance.choice(ZONES)
            if self.chance.random() < 0.5:
                self.person_had_the_word("subscription", "ended_at", end)
                text = f"{end:%Y-%m-%d %H:%M:%S}" if end else False
                by_hand(self.bridge, "s", x_fc_ended_at=text)
            else:
                self.person_had_the_word("subscription", "timezone", zone)
                by_hand(self.bridge, "s", x_fc_timezone=zone)

    def state(self, kind: str) -> tuple[int, list[str]]:
        """Revision in the ledger, and fields of which it does not know that Odoo has
        them."""
        key = (kind, self.bridge.world.service_id, NAMES[kind])
        with connect_ledger(self.bridge.database_url) as conn:
            row = conn.execute(STATE.format(kind), key).fetchone()
        assert row is not None
        return row[0], row[1]

    def app_had_the_word(self, kind: str) -> None:
        """On all that is unsent: it goes out again, too."""
        columns = ", ".join(WORDS[kind])
        row = in_ledger(self.bridge, kind, columns, NAMES[kind])
        _, unsent = self.state(kind)
        words = zip(WORDS[kind], row, strict=True)
        self.last.update({(kind, word): v for word, v in words if word in unsent})

    def person_had_the_word(self, kind: str, word: str, value: Any) -> None:
        """Unless the app's is still to come to Odoo."""
        revision, unsent = self.state(kind)
        if word not in unsent or self.in_odoo(kind) == revision:
            self.last[kind, word] = value

    def in_odoo(self, kind: str) -> int:
        """The revision that Odoo has."""
        model, names = {
            "customer": (
                "fusion.billing.account.link",
                ("service_id", "external_id", "revision"),
            ),
            "subscription": (
                "sale.order",
                ("x_fc_service_id", "x_fc_external_id", "x_fc_revision"),
            ),
        }[kind]
        service, external_id, revision = names
        code = [f"{service}.code", "=", self.bridge.world.code]
        (row,) = self.bridge.odoo.ask(
            model,
            "search_read",
            domain=[code, [external_id, "=", NAMES[kind]]],
            fields=[revision],
        )
        return int(row[revision])

    def send(self, client: Any = None) -> None:
        for _ in range(3):  # past every lease and wait
            next(_ahead)
        with_client = client or self.bridge.client
        send_changes(with_client, self.bridge.database_url, self.clock)

    def lose_a_call(self) -> None:
        taken = self.chance.random() < 0.5
        try:
            self.send(Losing(self.bridge, taken, self.held))
        except (Crash, OdooUnreachableError):
            self.log.append(f"lost, taken: {taken}")

    def a_lost_call_comes_late(self) -> None:
        if self.held:
            call = self.held.pop(self.chance.randrange(len(self.held)))
            self.bridge.client.repeat("fusion.billing.service", "apply_catalog", **call)

    def pull(self) -> None:
        pull_catalog(self.bridge.client, self.bridge.database_url, self.clock())

    def pull_around(self) -> None:
        """A pull that has read what something else changes before it writes."""
        between = [
            self.app_changes_client,
            self.app_changes_terms,
            self.person_changes_terms,
            self.send,
            self.lose_a_call,
        ]
        happens = self.chance.sample(between, 3)

        def meanwhile(named: Any) -> None:
            while happens and named.get("kind") in ("customer", "subscription"):
                step = happens.pop()
                self.log.append(f"meanwhile {step.__name__}")
                step()

        reader: Any = Between(self.bridge.client, meanwhile)
        pull_catalog(reader, self.bridge.database_url, self.clock())

    def push(self) -> None:
        at = NOW - timedelta(days=self.chance.randint(1, 30))
        item = counter(
            f"t-{self.pushed}",
            subscription="s",
            timestamp_us=int(at.timestamp()) * 1_000_000,
        )
        self.pushed += 1
        with connect_ledger(self.bridge.database_url) as conn:
            tally = push(conn, make_message(self.bridge.world, [item]))
        assert tally["applied"] == 1, tally

    def name(self, who: str) -> str:
        return f"{who} {len(self.log)}"

    def step(self) -> None:
        steps: tuple[Callable[[], None], ...] = (
            *(self.app_changes_client, self.app_changes_terms, self.send),
            *(self.person_changes_client, self.person_changes_terms),
            *(self.lose_a_call, self.a_lost_call_comes_late, self.pull),
            *(self.pull_around, self.push, self.push),
        )
        happens = self.chance.choice(steps)
        self.log.append(happens.__name__)
        happens()

    def settle(self) -> None:
        """All goes well from here on; late calls come now, if ever."""
        self.send()
        while self.held:
            self.a_lost_call_comes_late()
        self.send()


def check_same(history: History) -> None:
    """Both sides have the last word on each field, and nothing waits."""
    bridge, log = history.bridge, history.log
    rows = waiting(bridge)
    assert all(row[1] == [] and row[4] for row in rows), (rows, log)
    for kind, words in WORDS.items():
        there = exported(bridge, kind)[NAMES[kind]]
        here = in_ledger(bridge, kind, ", ".join(words), NAMES[kind])
        for word, value in zip(words, here, strict=True):
            text = (
                f"{value:%Y-%m-%d %H:%M:%S}" if word == "ended_at" and value else value
            )
            assert (text or False) == there[word], (word, log)
            last = history.last.get((kind, word), value)
            assert value == last, (word, log)


@settings(
    max_examples=20,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(st.randoms(use_true_random=False))
def test_both_sides_end_the_same_after_any_history(
    standin: OdooTarget, database_url: str, tmp_path: Path, chance: random.Random
) -> None:
    with bridge_to(standin, database_url, tmp_path, "json2") as bridge:
        history = History(bridge, chance)
        save_client(bridge)
        subscribe(bridge, "s")
        history.app_had_the_word("customer")
        history.app_had_the_word("subscription")
        for _ in range(chance.randint(5, 15)):
            history.step()

        history.settle()
        # What persons did after the last send is there with the next pull.
        history.pull()

        check_same(history)
        with psycopg.connect(database_url) as fresh:
            (proof,) = verify_books(fresh, bridge.world.code)
        assert proof.mismatches == [], history.log
        assert proof.counters == history.pushed, history.log
