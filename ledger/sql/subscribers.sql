-- name: customer
SELECT id FROM customer
 WHERE service_id = %(service_id)s AND external_id = %(external_id)s
   AND deleted_at IS NULL

-- name: subscription
SELECT b.id, t."interval", t.anchor, t.timezone, t.started_at, t.ended_at,
       t.frozen_until, t.changed_at, t.changed_to
  FROM subscription b
  JOIN subscription_terms t ON t.id = b.id
 WHERE b.service_id = %(service_id)s AND b.customer_id = %(customer_id)s
   AND b.external_id = %(external_id)s
