-- What apps have been told of their subscriptions.

-- name: note_told
INSERT INTO told_subscription (subscription_id, status, terms)
VALUES (%(subscription_id)s, %(status)s, %(terms)s::jsonb)
ON CONFLICT (subscription_id) DO UPDATE
   SET status = excluded.status, terms = excluded.terms

-- name: told
SELECT t.subscription_id, t.status, t.terms
  FROM subscription b
  JOIN told_subscription t ON t.subscription_id = b.id
 WHERE b.service_id = %(service_id)s AND b.external_id = %(external_id)s
   FOR UPDATE OF t
