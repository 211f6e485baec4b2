-- name: find_claim
SELECT request_digest, batch_id, answer, created_at
  FROM idempotency_key
 WHERE service_id = %(service_id)s AND key = %(key)s

-- name: claim_key
-- Two requests at once: one inserts, the other waits for it here and then finds it.
INSERT INTO idempotency_key (service_id, key, request_digest, batch_id, created_at)
VALUES (%(service_id)s, %(key)s, %(request_digest)s, %(batch_id)s, %(now)s)
ON CONFLICT (service_id, key) DO NOTHING

-- name: store_answer
-- The first answer stays, so that every repeat gets the same.
UPDATE idempotency_key
   SET answer = coalesce(answer, %(answer)s::jsonb)
 WHERE service_id = %(service_id)s AND key = %(key)s
RETURNING answer
