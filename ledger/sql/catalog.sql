-- What a pull writes. A row that is as it was writes nothing at all.

-- name: upsert_service
-- No row: it is as it was.
INSERT INTO service AS s (code, name, mode, odoo_id)
VALUES (%(code)s, %(name)s, %(mode)s, %(odoo_id)s)
ON CONFLICT (code) DO UPDATE
   SET name = excluded.name, mode = excluded.mode, odoo_id = excluded.odoo_id
 WHERE (s.name, s.mode, s.odoo_id) IS DISTINCT FROM
       (excluded.name, excluded.mode, excluded.odoo_id)
RETURNING id

-- name: service_id
SELECT id FROM service WHERE code = %(code)s

-- name: services
SELECT id, code, name, mode FROM service ORDER BY code

-- name: upsert_metric
INSERT INTO metric AS m (service_id, code, name, aggregation, unit, rounding,
                         rounding_precision, odoo_id)
SELECT s.id, %(code)s, %(name)s, %(aggregation)s, %(unit)s, %(rounding)s,
       %(rounding_precision)s, %(odoo_id)s
  FROM service s WHERE s.code = %(service)s
ON CONFLICT (service_id, code) DO UPDATE
   SET name = excluded.name, unit = excluded.unit, odoo_id = excluded.odoo_id,
       aggregation = excluded.aggregation, rounding = excluded.rounding,
       rounding_precision = excluded.rounding_precision, updated_at = now()
 WHERE (m.name, m.unit, m.odoo_id, m.aggregation, m.rounding, m.rounding_precision)
       IS DISTINCT FROM
       (excluded.name, excluded.unit, excluded.odoo_id, excluded.aggregation,
        excluded.rounding, excluded.rounding_precision)

-- name: upsert_plan
INSERT INTO plan AS p (service_id, code, name, "interval", currency, price,
                       grace_hours, odoo_id)
SELECT s.id, %(code)s, %(name)s, %(interval)s, %(currency)s, %(price)s::numeric,
       %(grace_hours)s, %(odoo_id)s
  FROM service s WHERE s.code = %(service)s
ON CONFLICT (service_id, code) DO UPDATE
   SET name = excluded.name, "interval" = excluded."interval",
       currency = excluded.currency, price = excluded.price,
       grace_hours = excluded.grace_hours, odoo_id = excluded.odoo_id,
       updated_at = now()
 WHERE (p.name, p."interval", p.currency, p.price, p.grace_hours, p.odoo_id)
       IS DISTINCT FROM
       (excluded.name, excluded."interval", excluded.currency, excluded.price,
        excluded.grace_hours, excluded.odoo_id)

-- name: look_at_freezes
-- When the periods of the plan's subscriptions may freeze.
UPDATE subscription SET freeze_due_at = '-infinity'
 WHERE id IN (SELECT subscription_id FROM plan_history WHERE plan_id = %(plan_id)s)
   AND freeze_due_at IS NOT NULL

-- name: plan_id
-- With what decides the periods of its subscriptions.
SELECT p.id, p.currency, p."interval"
  FROM plan p JOIN service s ON s.id = p.service_id
 WHERE s.code = %(service)s AND p.code = %(plan)s

-- name: upsert_charge
-- Answers whether it is new or another than before; no row: the metric is not known.
WITH named AS (
    SELECT p.id AS plan_id, m.id AS metric_id
      FROM plan p
      JOIN metric m ON m.service_id = p.service_id AND m.code = %(metric)s
     WHERE p.id = %(plan_id)s
),
written AS (
    INSERT INTO charge AS c (plan_id, metric_id, model, included, price, package_size,
                             tiers, minimum)
    SELECT plan_id, metric_id, %(model)s, %(included)s::numeric, %(price)s::numeric,
           %(package_size)s::numeric, %(tiers)s::jsonb, %(minimum)s::numeric
      FROM named
    ON CONFLICT (plan_id, metric_id) DO UPDATE
       SET model = excluded.model, included = excluded.included,
           price = excluded.price, package_size = excluded.package_size,
           tiers = excluded.tiers, minimum = excluded.minimum
     WHERE (c.model, c.included, c.price, c.package_size, c.tiers, c.minimum)
           IS DISTINCT FROM
           (excluded.model, excluded.included, excluded.price, excluded.package_size,
            excluded.tiers, excluded.minimum)
    RETURNING 1
)
SELECT EXISTS (SELECT FROM written) FROM named

-- name: delete_other_charges
DELETE FROM charge c
 USING metric m
 WHERE c.plan_id = %(plan_id)s AND m.id = c.metric_id
   AND m.code <> ALL(%(metrics)s)

-- name: upsert_customer
INSERT INTO customer AS c (service_id, external_id, name, email, odoo_id)
SELECT s.id, %(external_id)s, %(name)s, %(email)s, %(odoo_id)s
  FROM service s WHERE s.code = %(service)s
ON CONFLICT (service_id, external_id) DO UPDATE
   SET name = excluded.name, email = excluded.email, odoo_id = excluded.odoo_id,
       updated_at = now()
 WHERE (c.name, c.email, c.odoo_id) IS DISTINCT FROM
       (excluded.name, excluded.email, excluded.odoo_id)

-- name: upsert_subscription
-- Answers the plan's key; no row: its service, customer or plan is not known.
WITH named AS (
    SELECT s.id AS service_id, c.id AS customer_id, p.id AS plan_id
      FROM service s
      JOIN customer c ON c.service_id = s.id AND c.external_id = %(customer)s
      JOIN plan p ON p.service_id = s.id AND p.code = %(plan)s
     WHERE s.code = %(service)s
),
written AS (
    INSERT INTO subscription AS b (service_id, external_id, customer_id, plan_id,
                                   started_at, ended_at, timezone, anchor, odoo_id)
    SELECT service_id, %(external_id)s, customer_id, plan_id, %(started_at)s,
           %(ended_at)s, %(timezone)s, %(anchor)s, %(odoo_id)s
      FROM named
    ON CONFLICT (service_id, external_id) DO UPDATE
       SET customer_id = excluded.customer_id, plan_id = excluded.plan_id,
           started_at = excluded.started_at, ended_at = excluded.ended_at,
           timezone = excluded.timezone, anchor = excluded.anchor,
           odoo_id = coalesce(excluded.odoo_id, b.odoo_id), updated_at = now()
     WHERE (b.customer_id, b.plan_id, b.started_at, b.ended_at, b.timezone, b.anchor,
            b.odoo_id) IS DISTINCT FROM
           (excluded.customer_id, excluded.plan_id, excluded.started_at,
            excluded.ended_at, excluded.timezone, excluded.anchor,
            coalesce(excluded.odoo_id, b.odoo_id))
)
SELECT plan_id FROM named

-- name: subscription_differs
-- Whether anything but names would change; a row where it is new.
SELECT 1
  FROM service s
  JOIN customer c ON c.service_id = s.id AND c.external_id = %(customer)s
  JOIN plan p ON p.service_id = s.id AND p.code = %(plan)s
  LEFT JOIN subscription b ON b.service_id = s.id AND b.external_id = %(external_id)s
 WHERE s.code = %(service)s
   AND (b.plan_id, b.started_at, b.ended_at, b.timezone, b.anchor) IS DISTINCT FROM
       (p.id, %(started_at)s::timestamptz, %(ended_at)s::timestamptz, %(timezone)s,
        %(anchor)s)

-- name: forget_plans
-- One that has not begun yet has the plan that it has now, from its start on.
DELETE FROM plan_history h
 USING subscription b
  JOIN service s ON s.id = b.service_id
 WHERE h.subscription_id = b.id AND h.effective_at > '-infinity'
   AND s.code = %(service)s AND b.external_id = %(external_id)s
   AND b.started_at >= now() AND b.frozen_until IS NULL

-- name: note_plan
-- From when on it has its plan, if that is another than the last: from now on, in whole
-- seconds, as Odoo's instants are; but not in the middle of what is frozen.
WITH changed AS (
    SELECT b.id, b.plan_id,
           CASE WHEN last.effective_at IS NULL
                  OR (b.started_at >= now() AND b.frozen_until IS NULL)
                THEN '-infinity'
                ELSE greatest(date_trunc('second', now()), b.frozen_until)
           END AS effective_at
      FROM subscription b
      JOIN service s ON s.id = b.service_id
      LEFT JOIN LATERAL (
          SELECT effective_at, plan_id FROM plan_history sp
           WHERE sp.subscription_id = b.id
           ORDER BY effective_at DESC LIMIT 1
      ) AS last ON true
     WHERE s.code = %(service)s AND b.external_id = %(external_id)s
       AND last.plan_id IS DISTINCT FROM b.plan_id
)
INSERT INTO plan_history (subscription_id, effective_at, plan_id)
SELECT id, effective_at, plan_id FROM changed
ON CONFLICT (subscription_id, effective_at) DO UPDATE SET plan_id = excluded.plan_id

-- name: metric_aggregations
SELECT code, aggregation FROM metric WHERE service_id = %(service_id)s

-- name: metric_terms
-- How one metric's usage is added up and rounded, as it is now.
SELECT m.id, m.aggregation, m.rounding, m.rounding_precision
  FROM metric m JOIN service s ON s.id = m.service_id
 WHERE s.code = %(service)s AND m.code = %(code)s

-- name: mark_synced
INSERT INTO odoo_sync (kind, synced_at) VALUES (%(kind)s, %(now)s)
ON CONFLICT (kind) DO UPDATE SET synced_at = excluded.synced_at, error = NULL

-- name: mark_sync_failed
INSERT INTO odoo_sync (kind, failed_at, error) VALUES (%(kind)s, %(now)s, %(error)s)
ON CONFLICT (kind) DO UPDATE
   SET failed_at = excluded.failed_at, error = excluded.error
