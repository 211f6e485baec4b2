"""Texts that name things: short enough for any index, and storable as text."""

import re
from typing import Final

MAX_TEXT_CHARS: Final = 255
MAX_TEXT_BYTES: Final = 765
"""In UTF-8. An index row of PostgreSQL holds 2,704 bytes, and the widest of ours has
three texts in it (parked_counter): thrice 765, and at most 33 bytes around them."""

_TOO_LONG: Final = (
    f"value_is_invalid: is longer than {MAX_TEXT_CHARS} characters, or than "
    f"{MAX_TEXT_BYTES} bytes in UTF-8"
)
_FORBIDDEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class TextInvalid(ValueError):
    """A string that is empty, too long, or not storable as text; says which."""


def check_text(text: str) -> str:
    """The text itself: 1 to 255 characters of at most 765 bytes in UTF-8, none of them
    a control or a surrogate.

    Raises TextInvalid.
    """
    if not text:
        raise TextInvalid("value_is_mandatory: is empty")
    if len(text) > MAX_TEXT_CHARS:
        raise TextInvalid(_TOO_LONG)
    if _FORBIDDEN.search(text):
        raise TextInvalid(
            "value_is_invalid: has a control character or a lone surrogate in it"
        )
    if len(text.encode()) > MAX_TEXT_BYTES:
        raise TextInvalid(_TOO_LONG)
    return text
