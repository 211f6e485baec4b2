"""What Lago has and this has not: 501, and what to use instead."""

from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lago_python_client.exceptions import LagoApiError

from schemas.lago_absent_rows import ABSENT
from tests.api_world import BASE, Person
from tests.lago_world import lago_client, models

WALLETS = ABSENT[0].instead


def test_the_client_is_told_what_to_use_instead(url: str, olga: Person) -> None:
    client = lago_client(url, olga.key)

    with pytest.raises(LagoApiError) as refused:
        client.wallets.create(models.Wallet.construct(external_customer_id="ada"))

    assert refused.value.status_code == 501
    assert refused.value.response == {
        "status": 501,
        "error": "Not Implemented",
        "code": "endpoint_not_implemented",
        "message": WALLETS,
    }


def test_an_absent_call_below_a_customer_is_not_taken_for_the_customer(
    olga: Person,
) -> None:
    for path in ("wallets", "wallets/x/alerts", "applied_coupons", "payment_methods"):
        assert olga.get(f"/customers/ada/{path}").status == 501


def test_who_has_no_key_is_not_told(app: Flask) -> None:
    assert app.test_client().get(f"{BASE}/wallets").status_code == 401


def test_lagos_rate_headers_are_there(olga: Person) -> None:
    assert "X-RateLimit-Remaining" in olga.get("/wallets").headers


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(
    rest=st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    raw=st.sampled_from(["", "%00", "%ff", "/..", "%ed%a0%80"]),
    body=st.binary(max_size=40),
    method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"]),
)
def test_any_request_gets_an_answer(
    rest: str, raw: str, body: bytes, method: str, olga: Person
) -> None:
    answer: Any = olga.client.open(
        f"{BASE}/wallets/{quote(rest)}{raw}",
        method=method,
        data=body,
        headers={"Authorization": f"Bearer {olga.key}"},
    )

    assert answer.status_code in (404, 501, 429)
