-- What apply_catalog runs of metrics, plans and charges; see apply.sql.

-- name: find_metric
SELECT id, code, active, filters
  FROM fusion_billing_metric
 WHERE service_id = %(service_id)s AND code = %(metric)s;

-- name: find_plan
SELECT id
  FROM fusion_billing_plan
 WHERE service_id = %(service_id)s AND plan_code = %(plan)s;

-- name: held_metric
SELECT id, revision, name, aggregation, unit, rounding, rounding_precision, field_name,
       description, filters, active
  FROM fusion_billing_metric
 WHERE service_id = %(service_id)s AND code = %(code)s;

-- name: apply_metric
WITH done AS (
    INSERT INTO fusion_billing_metric AS t
           (service_id, code, name, aggregation, unit, rounding, rounding_precision,
            field_name, description, filters, active,
            create_uid, create_date, write_uid, write_date)
    VALUES (%(service_id)s, %(code)s, %(name)s, %(aggregation)s, %(unit)s,
            %(rounding)s, %(rounding_precision)s, %(field_name)s, %(description)s,
            %(filters)s, %(active)s,
            %(uid)s, now() AT TIME ZONE 'UTC', %(uid)s, now() AT TIME ZONE 'UTC')
    ON CONFLICT (service_id, code) DO UPDATE
       SET name = excluded.name, aggregation = excluded.aggregation,
           unit = excluded.unit, rounding = excluded.rounding,
           rounding_precision = excluded.rounding_precision,
           field_name = excluded.field_name, description = excluded.description,
           filters = excluded.filters, active = excluded.active,
           write_uid = excluded.write_uid, write_date = excluded.write_date
     WHERE (t.name, t.aggregation, t.unit, t.rounding, t.rounding_precision,
            t.field_name, t.description, t.filters, t.active)
           IS DISTINCT FROM
           (excluded.name, excluded.aggregation, excluded.unit, excluded.rounding,
            excluded.rounding_precision, excluded.field_name, excluded.description,
            excluded.filters, excluded.active)
    RETURNING id, CASE WHEN xmax = 0 THEN 'created' ELSE 'updated' END AS status
)
SELECT id, status FROM done
UNION ALL
SELECT id, 'unchanged'
  FROM fusion_billing_metric
 WHERE service_id = %(service_id)s AND code = %(code)s
   AND NOT EXISTS (SELECT FROM done);

-- name: note_metric
-- Which of the app's changes it has.
UPDATE fusion_billing_metric
   SET revision = %(revision)s,
       write_uid = %(uid)s, write_date = now() AT TIME ZONE 'UTC'
 WHERE id = %(id)s;

-- name: charges_in_use
-- The charges of a metric, but of archived plans without subscriptions.
SELECT p.plan_code, c.filters
  FROM fusion_billing_charge c
  JOIN fusion_billing_plan p ON p.id = c.plan_id
 WHERE c.metric_id = %(metric_id)s
   AND (p.active
        OR EXISTS (SELECT FROM sale_order o
                    WHERE o.x_fc_plan_id = p.id
                      AND (o.x_fc_ended_at IS NULL
                           OR o.x_fc_ended_at > now() AT TIME ZONE 'UTC')))
 ORDER BY p.plan_code;

-- name: other_aggregation_in_use
-- A row: the metric has usage that was added up in another way than the one given.
SELECT m.id
  FROM fusion_billing_metric m
 WHERE m.id = %(metric_id)s AND m.aggregation <> %(aggregation)s
   AND EXISTS (SELECT FROM fusion_billing_usage u WHERE u.metric_id = m.id);

-- name: held_plan
SELECT id, revision, name, interval, currency, price, grace_hours, description,
       usage_thresholds, active
  FROM fusion_billing_plan
 WHERE service_id = %(service_id)s AND plan_code = %(code)s;

-- name: apply_plan
WITH done AS (
    INSERT INTO fusion_billing_plan AS t
           (service_id, plan_code, name, interval, currency, price, grace_hours,
            description, usage_thresholds, active,
            create_uid, create_date, write_uid, write_date)
    VALUES (%(service_id)s, %(code)s, %(name)s, %(interval)s, %(currency)s, %(price)s,
            %(grace_hours)s, %(description)s, %(usage_thresholds)s, %(active)s,
            %(uid)s, now() AT TIME ZONE 'UTC', %(uid)s, now() AT TIME ZONE 'UTC')
    ON CONFLICT (service_id, plan_code) DO UPDATE
       SET name = excluded.name, interval = excluded.interval,
           currency = excluded.currency, price = excluded.price,
           grace_hours = excluded.grace_hours, description = excluded.description,
           usage_thresholds = excluded.usage_thresholds, active = excluded.active,
           write_uid = excluded.write_uid, write_date = excluded.write_date
     WHERE (t.name, t.interval, t.currency, t.price, t.grace_hours, t.description,
            t.usage_thresholds, t.active)
           IS DISTINCT FROM
           (excluded.name, excluded.interval, excluded.currency, excluded.price,
            excluded.grace_hours, excluded.description, excluded.usage_thresholds,
            excluded.active)
    RETURNING id, CASE WHEN xmax = 0 THEN 'created' ELSE 'updated' END AS status
)
SELECT id, status FROM done
UNION ALL
SELECT id, 'unchanged'
  FROM fusion_billing_plan
 WHERE service_id = %(service_id)s AND plan_code = %(code)s
   AND NOT EXISTS (SELECT FROM done);

-- name: note_plan
-- Which of the app's changes it has.
UPDATE fusion_billing_plan
   SET revision = %(revision)s,
       write_uid = %(uid)s, write_date = now() AT TIME ZONE 'UTC'
 WHERE id = %(id)s;

-- name: remove_other_charges
-- Charges that the plan's new list does not have.
DELETE FROM fusion_billing_charge
 WHERE plan_id = %(plan_id)s AND metric_id <> ALL (%(metric_ids)s::int4[])
RETURNING id;

-- name: held_charge
SELECT invoice_name, fixed, free_events, group_keys, filters
  FROM fusion_billing_charge
 WHERE plan_id = %(plan_id)s AND metric_id = %(metric_id)s;

-- name: plan_is_active
SELECT active FROM fusion_billing_plan WHERE id = %(plan_id)s;

-- name: apply_charge
WITH done AS (
    INSERT INTO fusion_billing_charge AS t
           (plan_id, metric_id, model, included, price, package_size, tiers, minimum,
            invoice_name, fixed, free_events, group_keys, filters,
            create_uid, create_date, write_uid, write_date)
    VALUES (%(plan_id)s, %(metric_id)s, %(model)s, %(included)s, %(price)s,
            %(package_size)s, %(tiers)s, %(minimum)s, %(invoice_name)s, %(fixed)s,
            %(free_events)s, %(group_keys)s, %(filters)s,
            %(uid)s, now() AT TIME ZONE 'UTC', %(uid)s, now() AT TIME ZONE 'UTC')
    ON CONFLICT (plan_id, metric_id) DO UPDATE
       SET model = excluded.model, included = excluded.included,
           price = excluded.price, package_size = excluded.package_size,
           tiers = excluded.tiers, minimum = excluded.minimum,
           invoice_name = excluded.invoice_name, fixed = excluded.fixed,
           free_events = excluded.free_events, group_keys = excluded.group_keys,
           filters = excluded.filters,
           write_uid = excluded.write_uid, write_date = excluded.write_date
     WHERE (t.model, t.included, t.price, t.package_size, t.tiers, t.minimum,
            t.invoice_name, t.fixed, t.free_events, t.group_keys, t.filters)
           IS DISTINCT FROM
           (excluded.model, excluded.included, excluded.price, excluded.package_size,
            excluded.tiers, excluded.minimum, excluded.invoice_name, excluded.fixed,
            excluded.free_events, excluded.group_keys, excluded.filters)
    RETURNING id, CASE WHEN xmax = 0 THEN 'created' ELSE 'updated' END AS status
)
SELECT id, status FROM done
UNION ALL
SELECT id, 'unchanged'
  FROM fusion_billing_charge
 WHERE plan_id = %(plan_id)s AND metric_id = %(metric_id)s
   AND NOT EXISTS (SELECT FROM done);

-- name: touch_plan
-- The plan changed with its charges.
UPDATE fusion_billing_plan
   SET write_uid = %(uid)s, write_date = now() AT TIME ZONE 'UTC'
 WHERE id = %(plan_id)s;
