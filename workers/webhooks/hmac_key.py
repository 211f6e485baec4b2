"""HMAC-SHA256 with a key that is made ready once (RFC 2104).

The standard library hashes the key anew for each message: of a short body that is most
of the time, and a pump signs thousands a second.
"""

import hashlib
from typing import Final

_BLOCK_BYTES: Final = 64


class HmacKey:
    """A key whose two pads are hashed already."""

    def __init__(self, key: bytes) -> None:
        if len(key) > _BLOCK_BYTES:
            key = hashlib.sha256(key).digest()
        padded = key.ljust(_BLOCK_BYTES, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))

    def digest(self, message: bytes) -> bytes:
        """The message's 32 bytes."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()
