-- The way of what apps make and change to Odoo: claim with a lease, send, mark, read
-- back.

-- name: something_to_do
-- Whether a change is due, or a row is to be read back.
SELECT EXISTS (SELECT FROM local_change
                WHERE unsent <> '{}' AND due_at <= %(now)s)
    OR EXISTS (SELECT FROM local_change WHERE look_again IS NOT NULL)

-- name: lease_metrics
WITH due AS MATERIALIZED (
    SELECT record_id
      FROM local_change
     WHERE kind = 'metric' AND unsent <> '{}' AND due_at <= %(now)s
     ORDER BY due_at, record_id
     LIMIT %(limit)s
       FOR UPDATE SKIP LOCKED
)
UPDATE local_change l
   SET due_at = %(lease_until)s
  FROM due
 WHERE l.kind = 'metric' AND l.record_id = due.record_id
RETURNING l.record_id

-- name: lease_plans
-- Not before Odoo has the metrics of its charges.
WITH due AS MATERIALIZED (
    SELECT l.record_id
      FROM local_change l
     WHERE l.kind = 'plan' AND l.unsent <> '{}' AND l.due_at <= %(now)s
       AND NOT EXISTS (SELECT FROM charge c JOIN metric m ON m.id = c.metric_id
                        WHERE c.plan_id = l.record_id AND m.odoo_id IS NULL)
     ORDER BY l.due_at, l.record_id
     LIMIT %(limit)s
       FOR UPDATE OF l SKIP LOCKED
)
UPDATE local_change l
   SET due_at = %(lease_until)s
  FROM due
 WHERE l.kind = 'plan' AND l.record_id = due.record_id
RETURNING l.record_id

-- name: lease_customers
WITH due AS MATERIALIZED (
    SELECT record_id
      FROM local_change
     WHERE kind = 'customer' AND unsent <> '{}' AND due_at <= %(now)s
     ORDER BY due_at, record_id
     LIMIT %(limit)s
       FOR UPDATE SKIP LOCKED
)
UPDATE local_change l
   SET due_at = %(lease_until)s
  FROM due
 WHERE l.kind = 'customer' AND l.record_id = due.record_id
RETURNING l.record_id

-- name: lease_subscriptions
-- Not before Odoo has the customer and the plan.
WITH due AS MATERIALIZED (
    SELECT l.record_id
      FROM local_change l
      JOIN subscription b ON b.id = l.record_id
      JOIN customer c ON c.id = b.customer_id
      JOIN plan p ON p.id = b.plan_id
     WHERE l.kind = 'subscription' AND l.unsent <> '{}' AND l.due_at <= %(now)s
       AND c.odoo_id IS NOT NULL AND p.odoo_id IS NOT NULL
     ORDER BY l.due_at, l.record_id
     LIMIT %(limit)s
       FOR UPDATE OF l SKIP LOCKED
)
UPDATE local_change l
   SET due_at = %(lease_until)s
  FROM due
 WHERE l.kind = 'subscription' AND l.record_id = due.record_id
RETURNING l.record_id

-- name: read_customers
-- In one statement, so that the values are those of the revision. One that was changed
-- since the lease is due again, and left to the next claim.
SELECT l.record_id, l.revision, l.attempts, l.unsent, s.id, s.code, c.external_id,
       jsonb_build_object('name', c.name, 'email', c.email) || c.contact
  FROM local_change l
  JOIN customer c ON c.id = l.record_id
  JOIN service s ON s.id = c.service_id
 WHERE l.kind = 'customer' AND l.record_id = ANY(%(record_ids)s)
   AND l.due_at = %(lease_until)s
 ORDER BY l.record_id

-- name: read_subscriptions
SELECT l.record_id, l.revision, l.attempts, l.unsent, s.id, s.code, b.external_id,
       c.external_id, p.code, b.started_at, b.ended_at, b.timezone, b.anchor
  FROM local_change l
  JOIN subscription b ON b.id = l.record_id
  JOIN service s ON s.id = b.service_id
  JOIN customer c ON c.id = b.customer_id
  JOIN plan p ON p.id = b.plan_id
 WHERE l.kind = 'subscription' AND l.record_id = ANY(%(record_ids)s)
   AND l.due_at = %(lease_until)s
 ORDER BY l.record_id

-- name: release_changes
UPDATE local_change
   SET due_at = %(now)s
 WHERE kind = %(kind)s AND record_id = ANY(%(record_ids)s)
   AND due_at = %(lease_until)s

-- name: mark_taken
-- What was changed after the claim has a newer revision, and all of it goes out again.
UPDATE local_change
   SET unsent = CASE WHEN revision = %(revision)s THEN '{}' ELSE unsent END,
       attempts = 0, error = NULL, taken_at = %(now)s,
       look_again = nextval('local_change_looks')
 WHERE kind = %(kind)s AND record_id = %(record_id)s

-- name: mark_metric
UPDATE metric
   SET odoo_id = %(odoo_id)s
 WHERE id = %(record_id)s AND odoo_id IS DISTINCT FROM %(odoo_id)s

-- name: mark_plan
UPDATE plan
   SET odoo_id = %(odoo_id)s
 WHERE id = %(record_id)s AND odoo_id IS DISTINCT FROM %(odoo_id)s

-- name: mark_customer
UPDATE customer
   SET odoo_id = %(odoo_id)s
 WHERE id = %(record_id)s AND odoo_id IS DISTINCT FROM %(odoo_id)s

-- name: mark_subscription
UPDATE subscription
   SET odoo_id = %(odoo_id)s
 WHERE id = %(record_id)s AND odoo_id IS DISTINCT FROM %(odoo_id)s

-- name: push_usage
-- What Odoo refused because it did not know the subscription yet goes out at once.
UPDATE rollup
   SET push_after = %(now)s
 WHERE subscription_id = %(record_id)s AND dirty AND push_error IS NOT NULL
   AND push_after > %(now)s

-- name: push_usage_of_metric
-- As push_usage, where it was the metric that Odoo did not know yet.
UPDATE rollup r
   SET push_after = %(now)s
  FROM metric m
  JOIN subscription b ON b.service_id = m.service_id
 WHERE m.id = %(record_id)s AND r.subscription_id = b.id AND r.metric_id = m.id
   AND r.dirty AND r.push_error IS NOT NULL AND r.push_after > %(now)s

-- name: mark_refused
UPDATE local_change
   SET attempts = attempts + 1, due_at = %(retry_at)s, error = %(error)s
 WHERE kind = %(kind)s AND record_id = %(record_id)s AND revision = %(revision)s
RETURNING attempts

-- name: mark_overtaken
-- Not one that has come further by itself: then a late call was stale, as it should be.
UPDATE local_change
   SET revision = %(held)s + 1, attempts = attempts + 1, due_at = %(retry_at)s,
       error = 'Odoo held revision ' || %(held)s::text || ', the ledger ' || revision
 WHERE kind = %(kind)s AND record_id = %(record_id)s AND revision < %(held)s

-- name: look_again_metrics
SELECT l.record_id, t.odoo_id, l.look_again
  FROM local_change l JOIN metric t ON t.id = l.record_id
 WHERE l.kind = 'metric' AND l.look_again IS NOT NULL AND t.odoo_id IS NOT NULL
 ORDER BY t.odoo_id
 LIMIT %(limit)s

-- name: look_again_plans
SELECT l.record_id, t.odoo_id, l.look_again
  FROM local_change l JOIN plan t ON t.id = l.record_id
 WHERE l.kind = 'plan' AND l.look_again IS NOT NULL AND t.odoo_id IS NOT NULL
 ORDER BY t.odoo_id
 LIMIT %(limit)s

-- name: look_again_customers
SELECT l.record_id, c.odoo_id, l.look_again
  FROM local_change l JOIN customer c ON c.id = l.record_id
 WHERE l.kind = 'customer' AND l.look_again IS NOT NULL AND c.odoo_id IS NOT NULL
 ORDER BY c.odoo_id
 LIMIT %(limit)s

-- name: look_again_subscriptions
SELECT l.record_id, b.odoo_id, l.look_again
  FROM local_change l JOIN subscription b ON b.id = l.record_id
 WHERE l.kind = 'subscription' AND l.look_again IS NOT NULL
   AND b.odoo_id IS NOT NULL
 ORDER BY b.odoo_id
 LIMIT %(limit)s

-- name: looked
-- Not one that is to be looked at again since.
UPDATE local_change l
   SET look_again = NULL
  FROM unnest(%(record_ids)s::bigint[], %(looks)s::bigint[]) AS s (record_id, look)
 WHERE l.kind = %(kind)s AND l.record_id = s.record_id AND l.look_again = s.look
