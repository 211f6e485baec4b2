"""A Redis transport for consumers that loses no message when a worker is killed.

Kombu's own takes a message with BRPOP and records it as unacknowledged afterwards: a
worker that dies in between has lost it (kombu #305). Here one script takes and records
it. An idle consumer waits on ``BLMOVE queue queue RIGHT RIGHT``, which puts back what
it takes, so that a consumer that is frozen or dead while it waits holds nothing.

A taken message gets a tag of its consumer, ``<consumer name>:<uuid>``. A worker that
comes back under its name takes back at once what its predecessor held; what a worker
that never returns held comes back by the visibility timeout. Two live workers must not
share a name: the second would take from the first what it is working on, and it would
be done twice.

Everything else (publishing, fanout, remote control, reconnecting) is kombu's. What is
overridden, and what it leans on, is held to the installed version by
tests/unit/test_redis_transport.py. Needs Redis 6.2.
"""

from collections.abc import Container, Iterator
from contextlib import contextmanager
from queue import Empty
from time import monotonic
from typing import Any

from kombu.log import get_logger
from kombu.transport import TRANSPORT_ALIASES, redis
from kombu.utils.encoding import bytes_to_str
from kombu.utils.json import dumps, loads
from kombu.utils.uuid import uuid

from schemas.broker import ATOMIC_SCHEME
from workers.redis_held import HeldMessages

logger = get_logger(__name__)

_KombuChannel: Any = redis.Channel  # the type stubs lack most of both
_KombuTransport: Any = redis.Transport

SHARED_WAIT_SECONDS = 0.1
"""With several queues an idle consumer waits on one at a time, and this long."""

# KEYS: index, unacked, then the queues in the order to try. ARGV: the tag, then for
# each queue its name as JSON and '1' when it is to be recorded. RPOP comes first:
# Redis lets a script that has begun to write go on when memory is full, so consumers
# can empty queues that filled it. The time is the server's; workers' clocks differ.
TAKE = """
local time = redis.call('TIME')
local now = string.format('%d.%06d', time[1], time[2])
for i = 3, #KEYS do
  local item = redis.call('RPOP', KEYS[i])
  if item then
    if ARGV[2 * i - 3] == '1' then
      redis.call('ZADD', KEYS[1], now, ARGV[1])
      redis.call('HSET', KEYS[2], ARGV[1],
                 '[' .. item .. ',"",' .. ARGV[2 * i - 4] .. ']')
    end
    return {KEYS[i], item}
  end
end
return false
"""


class Channel(_KombuChannel):  # type: ignore[misc]  # see the stubs above
    """Kombu's channel with the atomic take."""

    QoS = HeldMessages
    consumer_name: str | None = None
    _in_poll: Any = False
    from_transport_options = (*redis.Channel.from_transport_options, "consumer_name")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._unrecorded: set[str] = set()
        self._looked_for_predecessors = False
        self._found_nothing = False
        self._waits_on: str | None = None
        self._tag = ""
        super().__init__(*args, **kwargs)
        self._named = self.consumer_name is not None
        self.consumer_name = self.consumer_name or uuid()
        if self.global_keyprefix:
            raise ValueError(f"{ATOMIC_SCHEME}:// does not support global_keyprefix")

    def is_own(self, tag: str) -> bool:
        """True when the tag was made under this consumer's name."""
        return tag.rpartition(":")[0] == self.consumer_name

    def queue_keys(self, payload: Any, exchange: str, routing_key: str) -> list[str]:
        """The Redis lists that a message with this routing belongs to."""
        priority = self._get_message_priority(payload, reverse=False)
        return [
            self._q_for_pri(queue, priority)
            for queue in self._lookup(exchange, routing_key)
        ]

    def basic_consume(self, queue: str, no_ack: bool, *args: Any, **kwargs: Any) -> Any:
        """Consume; the first time, take back what a dead predecessor held."""
        if no_ack:
            self._unrecorded.add(queue)
        else:
            self._unrecorded.discard(queue)
            if self._named and not self._looked_for_predecessors:
                self._looked_for_predecessors = True
                if count := self.qos.restore_predecessors():
                    logger.info("%d messages of a predecessor put back", count)
        return super().basic_consume(queue, no_ack, *args, **kwargs)

    def basic_get(self, queue: str, no_ack: bool = False, **kwargs: Any) -> Any:
        """Take one message or None; without acknowledgement it is done with at once."""
        message = super().basic_get(queue, no_ack=no_ack, **kwargs)
        if message is not None and no_ack:
            self.qos.ack(message.delivery_tag)
        return message

    @contextmanager
    def conn_or_acquire(self, client: Any = None) -> Iterator[Any]:
        """A Redis client. ConnectionResetError when the channel is closed.

        A task may end after its connection was lost: then its message has been put
        back or will be, and Celery expects a connection error of the acknowledgement.
        Kombu runs into an AttributeError here, which ends the worker.
        """
        if client is None and getattr(self.connection, "client", None) is None:
            raise ConnectionResetError("the channel is closed; the message comes again")
        with super().conn_or_acquire(client) as client:
            yield client

    def close(self) -> None:
        """Close; a wait needs no answer, an unread take puts its message back."""
        if self._in_poll and self._waits_on is not None:
            self.client.connection.disconnect()
            self._in_poll = None
        super().close()

    def _new_tag(self) -> str:
        return f"{self.consumer_name}:{uuid()}"

    def _take_command(
        self, tag: str, queues: list[str], unrecorded: Container[str]
    ) -> list[Any]:
        keys = [self.unacked_index_key, self.unacked_key]
        arguments = [tag]
        for priority in self.priority_steps:
            for queue in queues:
                keys.append(self._q_for_pri(queue, priority))
                recorded = "0" if queue in unrecorded else "1"
                arguments += [dumps(queue), recorded]
        return ["EVAL", TAKE, len(keys), *keys, *arguments]

    def _brpop_start(self, timeout: float | None = None) -> None:
        queues = self._queue_cycle.consume(len(self.active_queues))
        if not queues:
            return
        self._waits_on = None
        self._tag = self._new_tag()
        command = self._take_command(self._tag, queues, self._unrecorded)
        if self._found_nothing:
            self._found_nothing = False
            self._waits_on = queues[0]
            seconds = timeout or self.brpop_timeout
            if len(queues) > 1:
                seconds = min(seconds, SHARED_WAIT_SECONDS)
            key = self._q_for_pri(queues[0], 0)
            command = ["BLMOVE", key, key, "RIGHT", "RIGHT", seconds]
        self._in_poll = self.client.connection
        self._brpop_sent_at = monotonic()
        self.client.connection.send_command(*command)

    def _brpop_read(self, **options: Any) -> bool:
        connection = self.client.connection
        try:
            try:
                reply = self.client.parse_response(connection, "EVAL", **options)
            except self.connection_errors:
                connection.disconnect()
                raise
            if self._waits_on is not None:
                self._queue_cycle.rotate(self._waits_on)
                raise Empty
            if not reply:
                self._found_nothing = True
                raise Empty
            queue, payload = self._read_taken(reply, self._tag)
            if self._closing:
                self.qos.restore_by_tag(self._tag)
                raise Empty
            self._queue_cycle.rotate(queue)
            self.connection._deliver(payload, queue)
            return True
        finally:
            self._in_poll = None
            self._flush_brpop_reauth()

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        with self.conn_or_acquire() as client:
            tag = self._new_tag()
            reply = client.execute_command(*self._take_command(tag, [queue], ()))
            self._maybe_update_queues_expire(client, queue)
        if not reply:
            raise Empty
        return self._read_taken(reply, tag)[1]

    def _read_taken(self, reply: list[bytes], tag: str) -> tuple[str, Any]:
        """Queue and message of a take's answer. An unreadable one is buried."""
        key, item = reply
        queue = bytes_to_str(key).rsplit(self.sep, 1)[0]
        try:
            payload = loads(bytes_to_str(item))
            payload["properties"]["delivery_tag"] = tag
        except (ValueError, KeyError, TypeError) as error:
            logger.critical("unreadable message in %s goes to the dead letters", queue)
            self.qos.bury(tag)
            raise Empty from error
        return queue, payload

    def _restore(self, message: Any, leftmost: bool = False) -> None:
        self.qos.restore_by_tag(message.delivery_tag, leftmost=leftmost)


class Transport(_KombuTransport):  # type: ignore[misc]  # likewise
    """Kombu's Redis transport over the channel above."""

    Channel = Channel


def register() -> None:
    """Make the transport known to kombu under its URL scheme. Twice is once."""
    TRANSPORT_ALIASES[ATOMIC_SCHEME] = f"{__name__}:{Transport.__name__}"
