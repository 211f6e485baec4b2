"""Pushing usage: what becomes of a batch, and what its message carries."""

import json
import secrets
import time
from decimal import Decimal
from typing import Any

import redis

from ledger.db import Connection
from schemas.answers import AcceptedSchema, BatchAnswerSchema
from schemas.messages import USAGE_QUEUE
from schemas.texts import MAX_TEXT_BYTES
from tests.api_world import Person, counter, queued_messages, work_off


def test_a_batch_goes_its_whole_way(
    olga: Person, database_url: str, broker_url: str
) -> None:
    pushed = olga.push(
        counter("t-1", value="2.5"),
        counter("t-2", code="unique", value=None, values=["a", "b", "a"]),
        counter("t-3", code="max", value=7, timestamp=int(time.time())),
        counter("t-4", external_subscription_id="nobody"),
        counter("t-1", value="2.50"),
        counter("t-1", value="3"),
    )
    queued = olga.get(f"/batches/{pushed.body['batch']['id']}").body
    work_off(database_url, broker_url, olga.service_id)
    done = olga.get(f"/batches/{pushed.body['batch']['id']}").body

    assert pushed.status == 202
    assert AcceptedSchema().validate(pushed.body) == {}
    assert pushed.body["batch"]["accepted"] == pushed.body["batch"]["received"] == 6
    assert (queued["batch"]["state"], queued["batch"]["items"]) == ("queued", [])
    assert BatchAnswerSchema().validate(done) == {}
    assert done["batch"]["state"] == "done"
    assert [item["outcome"] for item in done["batch"]["items"]] == [
        *("applied", "applied", "applied", "parked", "duplicate", "conflict")
    ]
    assert done["batch"]["items"][3] == {
        "index": 3,
        "transaction_id": "t-4",
        "outcome": "parked",
        "reason": "unknown_subscription",
    }
    assert sum(done["batch"]["outcomes"].values()) == done["batch"]["received"]


def test_good_items_survive_bad_ones(
    olga: Person, database_url: str, broker_url: str
) -> None:
    pushed = olga.push(
        counter("t-0"),
        counter("t-1", value="seven"),
        counter("\0"),
        counter("t-3", timestamp=1_767_225_600_000),
        counter("t-4"),
    )
    work_off(database_url, broker_url, olga.service_id)
    receipt = olga.get(f"/batches/{pushed.body['batch']['id']}").body["batch"]

    assert pushed.status == 202
    assert pushed.body["batch"]["received"] == 5
    assert pushed.body["batch"]["accepted"] == 2
    assert [r["index"] for r in pushed.body["batch"]["rejected"]] == [1, 2, 3]
    assert (
        "milliseconds" in pushed.body["batch"]["rejected"][2]["errors"]["timestamp"][0]
    )
    outcomes = [item["outcome"] for item in receipt["items"]]
    assert outcomes == ["applied", "rejected", "rejected", "rejected", "applied"]
    assert [item["transaction_id"] for item in receipt["items"]] == [
        *("t-0", "t-1", None, "t-3", "t-4")
    ]
    assert receipt["items"][1]["reason"].startswith("value: value_is_invalid")


def test_the_message_carries_the_counters_and_its_reprs_carry_none(
    olga: Person, broker_url: str
) -> None:
    pushed = olga.push(counter("secret-transaction"), counter(""))
    with redis.Redis.from_url(broker_url) as client:
        raw: Any = client.lrange(USAGE_QUEUE, 0, 0)
    headers = json.loads(raw[0])["headers"]
    [message] = queued_messages(broker_url, olga.service_id)

    assert message["batch_id"] == headers["id"] == pushed.body["batch"]["id"]
    assert len(message["counters"]) == len(message["rejections"]) == 1
    assert "secret" not in headers["argsrepr"] + headers["kwargsrepr"]
    assert pushed.body["batch"]["id"] in headers["kwargsrepr"]
    assert "1 of 2 counters" in headers["kwargsrepr"]


def longest_text() -> str:
    """As many bytes as a text may have, that PostgreSQL cannot compress."""
    wide = (chr(0x20000 + secrets.randbelow(0x8000)) for _ in range(191))
    return "".join(wide) + "x"


def test_the_longest_texts_fit_every_index(
    olga: Person, conn: Connection, database_url: str, broker_url: str
) -> None:
    subscription, code, one, other = (longest_text() for _ in range(4))
    assert len(one.encode()) == MAX_TEXT_BYTES
    members = [longest_text() for _ in range(3)]
    unique = {"code": "unique", "value": None, "values": members}

    pushed = olga.push(
        counter(one),
        counter(other, **unique),
        counter(one, external_subscription_id=subscription, code=code),
        counter(other, external_subscription_id=subscription, **unique),
    )
    outcomes = work_off(database_url, broker_url, olga.service_id)

    assert pushed.body["batch"]["rejected"] == []
    assert outcomes == {"applied": 2, "parked": 2}
    seen = conn.execute(
        "SELECT member FROM unique_member JOIN subscription s ON s.id = subscription_id"
        " WHERE s.service_id = %s",
        (olga.service_id,),
    ).fetchall()
    assert sorted(member for (member,) in seen) == sorted(members)


def test_ten_thousand_counters_are_taken(olga: Person) -> None:
    answer = olga.push(*[counter(f"t-{n}") for n in range(10_000)])

    assert answer.body["batch"]["accepted"] == 10_000


def test_properties_go_with_a_counter_and_bad_ones_refuse_it_alone(
    olga: Person, conn: Connection, database_url: str, broker_url: str
) -> None:
    conn.execute(
        "UPDATE metric SET field_name = 'size' WHERE service_id = %s AND code = 'sum'",
        (olga.service_id,),
    )
    conn.commit()
    said = {"size": 2.5, "region": "ca", "spot": False, "zone": None}

    pushed = olga.push(
        counter("own", properties=said),
        counter("found", value=None, properties=said),
        counter("nested", properties={"a": {}}),
        counter("none", value=None),
        counter("missing", value=None, properties={}),
    )
    outcomes = work_off(database_url, broker_url, olga.service_id)

    refused = pushed.body["batch"]["rejected"]
    assert [(r["index"], list(r["errors"])) for r in refused] == [
        (2, ["properties"]),
        (3, ["value"]),
    ]
    assert outcomes == {"applied": 2, "rejected": 3}
    rows = conn.execute(
        "SELECT c.value, c.properties FROM counter c"
        " JOIN subscription s ON s.id = subscription_id"
        " WHERE s.service_id = %s ORDER BY c.transaction_id",
        (olga.service_id,),
    ).fetchall()
    conn.commit()
    assert rows == [(Decimal("2.5"), said), (Decimal("1"), said)]


def test_ten_thousand_counters_may_each_have_properties(olga: Person) -> None:
    many = [counter(f"t-{n}", properties={"n": n}) for n in range(10_000)]

    assert olga.push(*many).body["batch"]["accepted"] == 10_000
    too_many = olga.push(*many, counter("more"))
    assert too_many.status == 422
    assert too_many.body["error_details"]["counters"][0].startswith("too_many_counters")
