"""What can become of an item, and the letter that a receipt stores for it."""

from dataclasses import dataclass

LETTERS = {
    "applied": "a",
    "duplicate": "d",
    "conflict": "c",
    "rejected": "r",
    "parked": "p",
}
OUTCOMES = {letter: outcome for outcome, letter in LETTERS.items()}


@dataclass(frozen=True)
class Outcome:
    """What became of an item: a key of LETTERS; where it was refused, why."""

    outcome: str
    reason: str | None = None
