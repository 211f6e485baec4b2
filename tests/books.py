"""What every ledger of a test has to bear at its end."""

import psycopg

from ledger.verify import verify_books


def prove_books(database_url: str) -> None:
    """Assert that verify finds nothing wrong, of any service (P4)."""
    with psycopg.connect(database_url) as books:
        proofs = verify_books(books)
    assert [proof.mismatches for proof in proofs if proof.mismatches] == []
