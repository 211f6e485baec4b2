-- name: find_signing_key
SELECT private_key, public_key FROM signing_key

-- name: insert_signing_key
-- Of two that make one at once, the second waits for the first and makes none.
INSERT INTO signing_key (private_key, public_key)
VALUES (%(private_key)s, %(public_key)s)
    ON CONFLICT (only_one) DO NOTHING
