-- The catalog of one service as its apps read it: by page, or one by its code; without
-- what is archived, which is deleted to apps.

-- name: count_metrics
SELECT count(*) FROM metric WHERE service_id = %(service_id)s AND NOT archived

-- name: metrics
-- The newest first; a code: that one alone.
SELECT public_id, code, name, description, aggregation, field_name, rounding,
       rounding_precision, filters, created_at
  FROM metric
 WHERE service_id = %(service_id)s AND NOT archived
   AND (%(code)s::text IS NULL OR code = %(code)s)
 ORDER BY created_at DESC, id DESC
 LIMIT %(limit)s OFFSET %(offset)s

-- name: metrics_by_id
-- As metrics, by their public ids.
SELECT public_id, code, name, description, aggregation, field_name, rounding,
       rounding_precision, filters, created_at
  FROM metric
 WHERE service_id = %(service_id)s AND public_id = ANY(%(ids)s) AND NOT archived

-- name: count_plans
SELECT count(*) FROM plan WHERE service_id = %(service_id)s AND NOT archived

-- name: plans
-- As metrics. Those that are older than the note of it were created at their last
-- change, as far as is known.
SELECT id, public_id, code, name, description, "interval", currency, price,
       usage_thresholds,
       CASE WHEN isfinite(created_at) THEN created_at ELSE updated_at END
  FROM plan
 WHERE service_id = %(service_id)s AND NOT archived
   AND (%(code)s::text IS NULL OR code = %(code)s)
 ORDER BY created_at DESC, id DESC
 LIMIT %(limit)s OFFSET %(offset)s

-- name: charges
-- Those of some plans, by their metrics' codes.
SELECT c.plan_id, c.public_id, m.public_id, m.code, c.model, c.display_name, c.minimum,
       c.included, c.price, c.package_size, c.tiers, c.fixed, c.free_events,
       c.group_keys, c.filters
  FROM charge c JOIN metric m ON m.id = c.metric_id
 WHERE c.plan_id = ANY(%(plan_ids)s)
 ORDER BY c.plan_id, m.code
