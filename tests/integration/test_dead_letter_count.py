"""What the broker has set aside is counted on either broker, and its absence told."""

from collections.abc import Iterator

import pytest
from kombu import Connection

from deploy.broker import BrokerAway, count_dead_letters, workers_answer
from schemas.broker import DEAD_LETTER_EXCHANGE, dead_letter_queue
from tests.broker_settings import broker_settings
from tests.embedded_servers import running_redis, state_directory
from tests.rabbitmq_server import find_rabbitmq_server, running_rabbitmq
from tests.waiting import wait_until


@pytest.fixture(scope="module", params=["redis", "rabbitmq"])
def broker_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    if request.param == "redis":
        with state_directory() as state, running_redis(state) as server:
            yield server.url
        return
    if find_rabbitmq_server() is None:
        pytest.skip("rabbitmq-server is not installed")
    with running_rabbitmq(tmp_path_factory.mktemp("rabbitmq")) as rabbitmq:
        yield rabbitmq.url


def test_what_was_set_aside_is_counted(broker_url: str) -> None:
    settings = broker_settings(broker_url)
    before = count_dead_letters(settings)
    with Connection(broker_url) as connection:
        queue = dead_letter_queue()(connection.default_channel)
        if not broker_url.startswith("redis"):
            queue.declare()
        for number in range(3):
            connection.Producer().publish(
                {"n": number},
                exchange="" if broker_url.startswith("redis") else DEAD_LETTER_EXCHANGE,
                routing_key=queue.name,
            )

    assert before == 0
    wait_until(lambda: count_dead_letters(settings) == 3, "all are counted")


def test_no_worker_answers_where_there_is_none(broker_url: str) -> None:
    assert not workers_answer(["worker@nowhere"], broker_settings(broker_url))


def test_a_broker_that_is_away_is_told() -> None:
    settings = broker_settings("redis://127.0.0.1:1/0")

    assert not workers_answer(["worker@nowhere"], settings)
    with pytest.raises(BrokerAway, match="refused"):
        count_dead_letters(settings)
