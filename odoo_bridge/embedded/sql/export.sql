-- What export_catalog runs: a page of each kind, in apply_catalog's shape. A row's
-- write_date is the greatest of all that it draws from; what was deleted from it wrote
-- on what is left (see schema.sql). "everything": whatever the date.

-- name: export_service
SELECT id, code, name, mode, write_date
  FROM fusion_billing_service
 WHERE id > %(after_id)s
   AND (%(everything)s::boolean OR write_date >= %(since)s::timestamp
        OR id = ANY (%(ids)s::int4[]))
 ORDER BY id
 LIMIT %(limit)s;

-- name: export_metric
SELECT m.id, s.code AS service, m.code, m.name, m.aggregation, m.unit,
       m.rounding, m.rounding_precision, m.field_name, m.description, m.filters,
       m.active IS FALSE AS archived, w.write_date
  FROM fusion_billing_metric m
  JOIN fusion_billing_service s ON s.id = m.service_id
 CROSS JOIN LATERAL (SELECT greatest(m.write_date, s.write_date) AS write_date) AS w
 WHERE m.id > %(after_id)s
   AND (%(everything)s::boolean OR w.write_date >= %(since)s::timestamp
        OR m.id = ANY (%(ids)s::int4[]))
 ORDER BY m.id
 LIMIT %(limit)s;

-- name: export_plan
SELECT p.id, s.code AS service, p.plan_code AS code, p.name, p.interval, p.currency,
       p.price, p.grace_hours, p.description, p.usage_thresholds,
       p.active IS FALSE AS archived, w.write_date
  FROM fusion_billing_plan p
  JOIN fusion_billing_service s ON s.id = p.service_id
 CROSS JOIN LATERAL (
     SELECT greatest(p.write_date, s.write_date,
                     max(greatest(c.write_date, m.write_date))) AS write_date
       FROM fusion_billing_charge c
       JOIN fusion_billing_metric m ON m.id = c.metric_id
      WHERE c.plan_id = p.id
 ) AS w
 WHERE p.id > %(after_id)s
   AND (%(everything)s::boolean OR w.write_date >= %(since)s::timestamp
        OR p.id = ANY (%(ids)s::int4[]))
 ORDER BY p.id
 LIMIT %(limit)s;

-- name: export_charges
-- The charges of some plans, by plan and metric code.
SELECT c.plan_id, m.code AS metric, c.model, c.included, c.price, c.package_size,
       c.tiers, c.minimum, c.invoice_name AS display_name, c.fixed,
       trunc(c.free_events) AS free_events, c.group_keys, c.filters
  FROM fusion_billing_charge c
  JOIN fusion_billing_metric m ON m.id = c.metric_id
 WHERE c.plan_id = ANY (%(plan_ids)s)
 ORDER BY c.plan_id, m.code;

-- name: export_customer
SELECT l.id, s.code AS service, l.external_id, p.name, p.email, w.write_date
  FROM fusion_billing_account_link l
  JOIN fusion_billing_service s ON s.id = l.service_id
  JOIN res_partner p ON p.id = l.partner_id
 CROSS JOIN LATERAL (
     SELECT greatest(l.write_date, p.write_date, s.write_date) AS write_date
 ) AS w
 WHERE l.id > %(after_id)s
   AND (%(everything)s::boolean OR w.write_date >= %(since)s::timestamp
        OR l.id = ANY (%(ids)s::int4[]))
 ORDER BY l.id
 LIMIT %(limit)s;

-- name: export_subscription
-- The customer is the order's link. An order made by hand may have none: then it is the
-- one link that the service has to the order's client, and none when there are several.
SELECT o.id, s.code AS service, o.x_fc_external_id AS external_id,
       CASE WHEN o.x_fc_account_link_id IS NOT NULL THEN k.external_id
            WHEN c.links = 1 THEN c.external_id
       END AS customer,
       p.plan_code AS plan, o.x_fc_started_at AS started_at,
       o.x_fc_ended_at AS ended_at, o.x_fc_timezone AS timezone,
       o.x_fc_anchor AS anchor, w.write_date
  FROM sale_order o
  JOIN fusion_billing_service s ON s.id = o.x_fc_service_id
  LEFT JOIN fusion_billing_plan p ON p.id = o.x_fc_plan_id
  LEFT JOIN fusion_billing_account_link k ON k.id = o.x_fc_account_link_id
  LEFT JOIN LATERAL (
      SELECT count(*) AS links, min(l.external_id) AS external_id,
             max(l.write_date) AS write_date
        FROM fusion_billing_account_link l
       WHERE o.x_fc_account_link_id IS NULL
         AND l.service_id = o.x_fc_service_id AND l.partner_id = o.partner_id
  ) AS c ON true
 CROSS JOIN LATERAL (
     SELECT greatest(o.write_date, s.write_date, p.write_date, k.write_date,
                     c.write_date) AS write_date
 ) AS w
 WHERE o.id > %(after_id)s
   AND (%(everything)s::boolean OR w.write_date >= %(since)s::timestamp
        OR o.id = ANY (%(ids)s::int4[]))
 ORDER BY o.id
 LIMIT %(limit)s;
