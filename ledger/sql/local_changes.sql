-- What apps write of customers and subscriptions, and that it is to be sent.

-- name: customer
SELECT id, name, email, contact
  FROM customer
 WHERE service_id = %(service_id)s AND external_id = %(external_id)s

-- name: write_customer
INSERT INTO customer AS c (service_id, external_id, name, email, contact)
VALUES (%(service_id)s, %(external_id)s, %(name)s, %(email)s, %(contact)s::jsonb)
ON CONFLICT (service_id, external_id) DO UPDATE
   SET name = excluded.name, email = excluded.email, contact = excluded.contact,
       updated_at = now()
RETURNING id

-- name: subscription
SELECT b.id, c.external_id, p.code, b.started_at, b.ended_at, b.timezone, b.anchor
  FROM subscription b
  JOIN customer c ON c.id = b.customer_id
  JOIN plan p ON p.id = b.plan_id
 WHERE b.service_id = %(service_id)s AND b.external_id = %(external_id)s

-- name: note_change
-- It goes out at once, also when an earlier change waits after a refusal.
INSERT INTO local_change AS l (kind, record_id, revision, unsent, due_at)
VALUES (%(kind)s, %(record_id)s, %(revision)s, %(changed)s, %(now)s)
ON CONFLICT (kind, record_id) DO UPDATE
   SET revision = greatest(l.revision + 1, excluded.revision),
       unsent = ARRAY(SELECT DISTINCT unnest(l.unsent || excluded.unsent) ORDER BY 1),
       attempts = 0, due_at = excluded.due_at, error = NULL
