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
SELECT t.id, t.odoo_id, s.code, t.code, t.name, t.aggregation, t.unit, t.rounding,
       t.rounding_precision, t.field_name, t.description, t.filters, t.archived
  FROM metric t JOIN service s ON s.id = t.service_id
 WHERE t.odoo_id > %(after_id)s
   AND t.odoo_id <= coalesce(%(last_id)s::bigint, t.odoo_id)
   AND (%(service)s::text IS NULL OR s.code = %(service)s)
 ORDER BY t.odoo_id

-- name: read_plan
SELECT t.id, t.odoo_id, s.code, t.code, t.name, t."interval", t.currency, t.price,
       t.grace_hours, t.description, t.usage_thresholds, t.archived
  FROM plan t JOIN service s ON s.id = t.service_id
 WHERE t.odoo_id > %(after_id)s
   AND t.odoo_id <= coalesce(%(last_id)s::bigint, t.odoo_id)
   AND (%(service)s::text IS NULL OR s.code = %(service)s)
 ORDER BY t.odoo_id

-- name: read_charges
SELECT c.plan_id, m.code, c.model, c.included, c.price, c.package_size, c.tiers,
       c.minimum, c.display_name, c.fixed, c.free_events, c.group_keys, c.filters
  FROM charge c
  JOIN metric m ON m.id = c.metric_id
 WHERE c.plan_id = ANY(%(plan_ids)s)
 ORDER BY c.plan_id, m.code

-- name: metric_of_code
SELECT t.id, t.odoo_id, s.code, t.code, t.name, t.aggregation, t.unit, t.rounding,
       t.rounding_precision, t.field_name, t.description, t.filters, t.archived
  FROM metric t JOIN service s ON s.id = t.service_id
 WHERE s.code = %(service)s AND t.code = %(code)s

-- name: metrics_by_key
SELECT t.id, t.odoo_id, s.code, t.code, t.name, t.aggregation, t.unit, t.rounding,
       t.rounding_precision, t.field_name, t.description, t.filters, t.archived
  FROM metric t JOIN service s ON s.id = t.service_id
 WHERE t.id = ANY(%(keys)s)

-- name: plan_of_code
SELECT t.id, t.odoo_id, s.code, t.code, t.name, t."interval", t.currency, t.price,
       t.grace_hours, t.description, t.usage_thresholds, t.archived
  FROM plan t JOIN service s ON s.id = t.service_id
 WHERE s.code = %(service)s AND t.code = %(code)s

-- name: plans_by_key
SELECT t.id, t.odoo_id, s.code, t.code, t.name, t."interval", t.currency, t.price,
       t.grace_hours, t.description, t.usage_thresholds, t.archived
  FROM plan t JOIN service s ON s.id = t.service_id
 WHERE t.id = ANY(%(keys)s)

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
SELECT coalesce(m.odoo_id, p.odoo_id, c.odoo_id, b.odoo_id), l.unsent, l.error
  FROM local_change l
  LEFT JOIN metric m ON l.kind = 'metric' AND m.id = l.record_id
  LEFT JOIN plan p ON l.kind = 'plan' AND p.id = l.record_id
  LEFT JOIN customer c ON l.kind = 'customer' AND c.id = l.record_id
  LEFT JOIN subscription b ON l.kind = 'subscription' AND b.id = l.record_id
 WHERE l.kind = %(kind)s AND l.unsent <> '{}'
   AND coalesce(m.odoo_id, p.odoo_id, c.odoo_id, b.odoo_id) = ANY(%(odoo_ids)s)
