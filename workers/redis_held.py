"""What a consumer on Redis holds unacknowledged: recorded, put back, buried.

The keys and their format are kombu's: ``unacked_index`` sorts tags by the time when
they were taken, ``unacked`` holds each tag's ``[message, exchange, routing key]``.
Each move of a message is one script, so that it is in one place whoever dies when.
"""

from typing import Any

from kombu.log import get_logger
from kombu.transport import redis, virtual
from kombu.utils.encoding import bytes_to_str
from kombu.utils.json import dumps, loads

from schemas.broker import DEAD_LETTER_QUEUE

logger = get_logger(__name__)

_KombuQoS: Any = redis.QoS  # its type stubs lack most of it

# KEYS: index, unacked. ARGV: tag.
FORGET = """
redis.call('ZREM', KEYS[1], ARGV[1])
return redis.call('HDEL', KEYS[2], ARGV[1])
"""

# KEYS: index, unacked, then the queues. ARGV: tag, LPUSH or RPUSH, the message.
# Only who removes the record may put the message back: once, whoever else tries.
PUT_BACK = """
redis.call('ZREM', KEYS[1], ARGV[1])
if redis.call('HDEL', KEYS[2], ARGV[1]) == 0 then return 0 end
for i = 3, #KEYS do redis.call(ARGV[2], KEYS[i], ARGV[3]) end
return 1
"""

# KEYS: index, unacked, dead letters. ARGV: tag. The record is [message, exchange,
# routing key]; the message alone is kept, so that it can be consumed again.
BURY = """
local held = redis.call('HGET', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[1], ARGV[1])
if not held then return 0 end
redis.call('HDEL', KEYS[2], ARGV[1])
local message = held:match('^%[(.*),%s*"[^"]*",%s*"[^"]*"%]$')
redis.call('LPUSH', KEYS[3], message or held)
return 1
"""


class HeldMessages(_KombuQoS):  # type: ignore[misc]  # see its stubs above
    """What a channel holds unacknowledged."""

    def append(self, message: Any, delivery_tag: str) -> None:
        """Note a delivered message; a taken one is recorded in Redis already."""
        if self.channel.is_own(delivery_tag):
            virtual.QoS.append(self, message, delivery_tag)
        else:
            super().append(message, delivery_tag)

    def ack(self, delivery_tag: str) -> None:
        """Forget a message that is done with. Kombu's MULTI fails on full memory."""
        with self.channel.conn_or_acquire() as client:
            keys = (self.unacked_index_key, self.unacked_key)
            client.eval(FORGET, len(keys), *keys, delivery_tag)
        virtual.QoS.ack(self, delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Put back, or without ``requeue`` move to the dead letters: kombu drops it."""
        if requeue:
            super().reject(delivery_tag, requeue=True)
        else:
            self.bury(delivery_tag)
            virtual.QoS.ack(self, delivery_tag)

    def bury(self, tag: str | bytes) -> None:
        """Move a held message to the dead letters. Twice is once: no record."""
        with self.channel.conn_or_acquire() as client:
            keys = (self.unacked_index_key, self.unacked_key, DEAD_LETTER_QUEUE)
            client.eval(BURY, len(keys), *keys, tag)

    def restore_by_tag(
        self, tag: str | bytes, client: Any = None, leftmost: bool = False
    ) -> None:
        """Put a held message back: to be taken next, or last with ``leftmost``.

        Kombu watches the whole hash of held messages, which others change all the
        time; here the script decides by the one record.
        """
        with self.channel.conn_or_acquire(client) as client:
            held = client.hget(self.unacked_key, tag)
            if held is None:
                client.zrem(self.unacked_index_key, tag)
                return
            try:
                payload, exchange, routing_key = loads(bytes_to_str(held))
                payload["headers"]["redelivered"] = True
                payload["properties"]["delivery_info"]["redelivered"] = True
            except (ValueError, KeyError, TypeError):
                logger.critical("unreadable message %s goes to the dead letters", tag)
                self.bury(tag)
                return
            queues = self.channel.queue_keys(payload, exchange, routing_key)
            if not queues:
                logger.critical("no queue to put message %s back to; kept", tag)
                return
            keys = (self.unacked_index_key, self.unacked_key, *queues)
            push = "LPUSH" if leftmost else "RPUSH"
            client.eval(PUT_BACK, len(keys), *keys, tag, push, dumps(payload))

    def restore_visible(
        self, start: int = 0, num: int | None = 10, interval: int = 10
    ) -> None:
        """Put back what was held longer than the visibility timeout.

        Every consumer may sweep at once, so there is no lock to be left behind by a
        sweeper that is killed.
        """
        self._vrestore_count += 1
        if (self._vrestore_count - 1) % (interval or 1):
            return
        with self.channel.conn_or_acquire() as client:
            oldest = client.time()[0] - self.visibility_timeout
            tags = client.zrange(
                self.unacked_index_key,
                oldest,
                0,
                desc=True,
                byscore=True,
                offset=num and start,
                num=num,
            )
            for tag in tags:
                self.restore_by_tag(tag, client)

    def restore_predecessors(self) -> int:
        """Put back what an earlier process under this name held; returns how many.

        Newest first, each at the head of its queue, so the oldest is taken next.
        """
        with self.channel.conn_or_acquire() as client:
            tags = [
                tag
                for tag in client.zrange(self.unacked_index_key, 0, -1, desc=True)
                if self.channel.is_own(bytes_to_str(tag))
            ]
            for tag in tags:
                self.restore_by_tag(tag, client)
        return len(tags)
