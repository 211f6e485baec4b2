-- Writing a plan and its charges. What is as it was writes nothing at all.

-- name: write_plan
INSERT INTO plan AS p (service_id, code, name, "interval", currency, price,
                       grace_hours, description, usage_thresholds, archived, odoo_id)
SELECT s.id, %(code)s, %(name)s, %(interval)s, %(currency)s, %(price)s::numeric,
       %(grace_hours)s, %(description)s, %(usage_thresholds)s::jsonb, %(archived)s,
       %(odoo_id)s
  FROM service s WHERE s.code = %(service)s
ON CONFLICT (service_id, code) DO UPDATE
   SET name = excluded.name, "interval" = excluded."interval",
       currency = excluded.currency, price = excluded.price,
       grace_hours = excluded.grace_hours, description = excluded.description,
       usage_thresholds = excluded.usage_thresholds, archived = excluded.archived,
       odoo_id = coalesce(excluded.odoo_id, p.odoo_id), updated_at = now()
 WHERE (p.name, p."interval", p.currency, p.price, p.grace_hours, p.description,
        p.usage_thresholds, p.archived, p.odoo_id) IS DISTINCT FROM
       (excluded.name, excluded."interval", excluded.currency, excluded.price,
        excluded.grace_hours, excluded.description, excluded.usage_thresholds,
        excluded.archived, coalesce(excluded.odoo_id, p.odoo_id))

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

-- name: metrics_of_plan
SELECT m.code
  FROM plan p
  JOIN service s ON s.id = p.service_id
  JOIN charge c ON c.plan_id = p.id
  JOIN metric m ON m.id = c.metric_id
 WHERE s.code = %(service)s AND p.code = %(plan)s

-- name: write_charge
-- Its metric, and whether it is new or another than before; no row: the metric is not
-- known.
WITH named AS (
    SELECT p.id AS plan_id, m.id AS metric_id
      FROM plan p
      JOIN metric m ON m.service_id = p.service_id AND m.code = %(metric)s
     WHERE p.id = %(plan_id)s
),
written AS (
    INSERT INTO charge AS c (plan_id, metric_id, model, included, price, package_size,
                             tiers, minimum, display_name, fixed, free_events,
                             group_keys, filters)
    SELECT plan_id, metric_id, %(model)s, %(included)s::numeric, %(price)s::numeric,
           %(package_size)s::numeric, %(tiers)s::jsonb, %(minimum)s::numeric,
           %(display_name)s, %(fixed)s::numeric, %(free_events)s, %(group_keys)s,
           %(filters)s::jsonb
      FROM named
    ON CONFLICT (plan_id, metric_id) DO UPDATE
       SET model = excluded.model, included = excluded.included,
           price = excluded.price, package_size = excluded.package_size,
           tiers = excluded.tiers, minimum = excluded.minimum,
           display_name = excluded.display_name, fixed = excluded.fixed,
           free_events = excluded.free_events, group_keys = excluded.group_keys,
           filters = excluded.filters
     WHERE (c.model, c.included, c.price, c.package_size, c.tiers, c.minimum,
            c.display_name, c.fixed, c.free_events, c.group_keys, c.filters)
           IS DISTINCT FROM
           (excluded.model, excluded.included, excluded.price, excluded.package_size,
            excluded.tiers, excluded.minimum, excluded.display_name, excluded.fixed,
            excluded.free_events, excluded.group_keys, excluded.filters)
    RETURNING 1
)
SELECT metric_id, EXISTS (SELECT FROM written) FROM named

-- name: delete_other_charges
DELETE FROM charge c
 USING metric m
 WHERE c.plan_id = %(plan_id)s AND m.id = c.metric_id
   AND m.code <> ALL(%(metrics)s)
RETURNING m.id
