-- What the catalog says of that which invoices name, in one service.

-- name: metrics
SELECT code, public_id, name
  FROM metric
 WHERE service_id = %(service_id)s AND code = ANY (%(metrics)s::text[])

-- name: subscriptions
SELECT b.external_id, b.public_id, p.public_id, p.code, p.name, c.external_id,
       c.public_id
  FROM subscription b
  JOIN plan p ON p.id = b.plan_id
  JOIN customer c ON c.id = b.customer_id
 WHERE b.service_id = %(service_id)s
   AND b.external_id = ANY (%(subscriptions)s::text[])

-- name: charges
-- Of the plan that a subscription has now.
SELECT b.external_id, m.code, h.public_id, h.display_name
  FROM subscription b
  JOIN charge h ON h.plan_id = b.plan_id
  JOIN metric m ON m.id = h.metric_id
 WHERE b.service_id = %(service_id)s
   AND b.external_id = ANY (%(subscriptions)s::text[])
   AND m.code = ANY (%(metrics)s::text[])

-- name: customers
-- Also those that are deleted: what they used is billed all the same.
SELECT id, public_id, external_id, name, email, contact, profile, created_at, updated_at
  FROM customer
 WHERE service_id = %(service_id)s AND external_id = ANY (%(customers)s::text[])
