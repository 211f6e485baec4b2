-- The catalog as the ledger has it, by Odoo's ids: those after one, up to another (NULL:
-- all the rest), of one service if it is named.

-- name: read_service
SELECT s.odoo_id, s.code, s.code, s.name, s.mode
  FROM service s
 WHERE s.odoo_id > %(after_id)s
   AND s.odoo_id <= coalesce(%(last_id)s::bigint, s.odoo_id)
   AND (%(service)s::text IS NULL OR s.code = %(service)s)
 ORDER BY s.odoo_id

-- name: read_metric
SELECT t.odoo_id, s.code, t.code, t.name, t.aggregation, t.unit, t.rounding,
       t.rounding_precision
  FROM metric t JOIN service s ON s.id = t.service_id
 WHERE t.odoo_id > %(after_id)s
   AND t.odoo_id <= coalesce(%(last_id)s::bigint, t.odoo_id)
   AND (%(service)s::text IS NULL OR s.code = %(service)s)
 ORDER BY t.odoo_id

-- name: read_plan
SELECT t.odoo_id, s.code, t.code, t.name, t."interval", t.currency, t.price,
       t.grace_hours
  FROM plan t JOIN service s ON s.id = t.service_id
 WHERE t.odoo_id > %(after_id)s
   AND t.odoo_id <= coalesce(%(last_id)s::bigint, t.odoo_id)
   AND (%(service)s::text IS NULL OR s.code = %(service)s)
 ORDER BY t.odoo_id

-- name: read_charges
-- Of the plans with these ids of Odoo's.
SELECT p.odoo_id, m.code, c.model, c.included, c.price, c.package_size, c.tiers,
       c.minimum
  FROM charge c
  JOIN plan p ON p.id = c.plan_id
  JOIN metric m ON m.id = c.metric_id
 WHERE p.odoo_id = ANY(%(plan_ids)s)
 ORDER BY p.odoo_id, m.code

-- name: read_customer
SELECT t.odoo_id, s.code, t.external_id, t.name, t.email
  FROM customer t JOIN service s ON s.id = t.service_id
 WHERE t.odoo_id > %(after_id)s
   AND t.odoo_id <= coalesce(%(last_id)s::bigint, t.odoo_id)
   AND (%(service)s::text IS NULL OR s.code = %(service)s)
 ORDER BY t.odoo_id

-- name: read_subscription
SELECT t.odoo_id, s.code, t.external_id, c.external_id, p.code, t.started_at,
       t.ended_at, t.timezone, t.anchor
  FROM subscription t
  JOIN service s ON s.id = t.service_id
  JOIN customer c ON c.id = t.customer_id
  JOIN plan p ON p.id = t.plan_id
 WHERE t.odoo_id > %(after_id)s
   AND t.odoo_id <= coalesce(%(last_id)s::bigint, t.odoo_id)
   AND (%(service)s::text IS NULL OR s.code = %(service)s)
 ORDER BY t.odoo_id

-- name: read_unsent
-- What apps changed of some records and Odoo has not taken, and why it refused it.
SELECT coalesce(c.odoo_id, b.odoo_id), l.unsent, l.error
  FROM local_change l
  LEFT JOIN customer c ON l.kind = 'customer' AND c.id = l.record_id
  LEFT JOIN subscription b ON l.kind = 'subscription' AND b.id = l.record_id
 WHERE l.kind = %(kind)s AND l.unsent <> '{}'
   AND (c.odoo_id = ANY(%(odoo_ids)s) OR b.odoo_id = ANY(%(odoo_ids)s))
