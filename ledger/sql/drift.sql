-- Comparing the ledger with Odoo: what Odoo should have, and what was found.

-- name: pushed_rollups
-- A page of what Odoo has taken in its newest revision, by rising key.
SELECT r.subscription_id, r.metric_id, r.period_start, r.usage_start, r.revision
  FROM rollup r
 WHERE NOT r.dirty
   AND (r.subscription_id, r.metric_id, r.period_start, r.usage_start) >
       (%(subscription_id)s, %(metric_id)s, %(period_start)s, %(usage_start)s)
   AND (%(service)s::text IS NULL
        OR EXISTS (SELECT FROM subscription b JOIN service s ON s.id = b.service_id
                    WHERE b.id = r.subscription_id AND s.code = %(service)s))
 ORDER BY r.subscription_id, r.metric_id, r.period_start, r.usage_start
 LIMIT %(limit)s

-- name: still_pushed
-- Which of these are as they were: Odoo has them, and nothing newer waits.
SELECT r.subscription_id, r.metric_id, r.period_start, r.usage_start
  FROM unnest(%(subscription_ids)s::bigint[], %(metric_ids)s::integer[],
              %(period_starts)s::timestamptz[], %(usage_starts)s::timestamptz[],
              %(revisions)s::bigint[])
       AS g (subscription_id, metric_id, period_start, usage_start, revision)
  JOIN rollup r USING (subscription_id, metric_id, period_start, usage_start)
 WHERE NOT r.dirty AND r.revision = g.revision

-- name: invoices_of
-- The invoices of their periods' bills, where Odoo has made one.
SELECT g.subscription_id, g.metric_id, g.period_start, g.usage_start, k.invoice_id
  FROM unnest(%(subscription_ids)s::bigint[], %(metric_ids)s::integer[],
              %(period_starts)s::timestamptz[], %(usage_starts)s::timestamptz[])
       AS g (subscription_id, metric_id, period_start, usage_start)
  JOIN period_bill k USING (subscription_id, period_start)
 WHERE k.invoice_id IS NOT NULL

-- name: unknown_usage
-- The places of those rows of Odoo's, by its codes, for which there is no rollup.
SELECT g.place
  FROM unnest(%(services)s::text[], %(subscriptions)s::text[], %(metrics)s::text[],
              %(period_starts)s::timestamptz[], %(usage_starts)s::timestamptz[])
       WITH ORDINALITY
       AS g (service, subscription, metric, period_start, usage_start, place)
  LEFT JOIN service s ON s.code = g.service
  LEFT JOIN subscription b ON b.service_id = s.id AND b.external_id = g.subscription
  LEFT JOIN metric m ON m.service_id = s.id AND m.code = g.metric
  LEFT JOIN rollup r ON r.subscription_id = b.id AND r.metric_id = m.id
                    AND r.period_start = g.period_start
                    AND r.usage_start = g.usage_start
 WHERE r.subscription_id IS NULL
 ORDER BY g.place

-- name: refused_rollups
-- What Odoo has refused more than once, and still waits.
SELECT s.code, b.external_id, m.code, r.period_start, r.usage_start, r.revision,
       r.push_error
  FROM rollup r
  JOIN subscription b ON b.id = r.subscription_id
  JOIN service s ON s.id = b.service_id
  JOIN metric m ON m.id = r.metric_id
 WHERE r.dirty AND r.push_attempts > 1 AND r.push_error IS NOT NULL
   AND (%(service)s::text IS NULL OR s.code = %(service)s)
 ORDER BY r.subscription_id, r.metric_id, r.period_start, r.usage_start
 LIMIT %(limit)s

-- name: push_again
-- A revision above Odoo's, for rows that are as they were: others go out by themselves.
WITH given AS (
    SELECT * FROM unnest(
        %(subscription_ids)s::bigint[], %(metric_ids)s::integer[],
        %(period_starts)s::timestamptz[], %(usage_starts)s::timestamptz[],
        %(revisions)s::bigint[], %(held)s::bigint[]
    ) AS g (subscription_id, metric_id, period_start, usage_start, revision, held)
),
locked AS MATERIALIZED (
    SELECT r.subscription_id, r.metric_id, r.period_start, r.usage_start, g.held
      FROM given g
      JOIN rollup r USING (subscription_id, metric_id, period_start, usage_start)
     WHERE r.revision = g.revision AND NOT r.dirty
     ORDER BY r.subscription_id, r.metric_id, r.period_start, r.usage_start
       FOR NO KEY UPDATE OF r
)
UPDATE rollup r
   SET revision = greatest(r.revision, l.held) + 1, push_after = %(now)s
  FROM locked l
 WHERE r.subscription_id = l.subscription_id AND r.metric_id = l.metric_id
   AND r.period_start = l.period_start AND r.usage_start = l.usage_start

-- name: try_lock
SELECT pg_try_advisory_lock(%(lock_space)s, 0)

-- name: last_look
SELECT synced_at, failed_at FROM odoo_sync WHERE kind = %(kind)s

-- name: store_report
INSERT INTO drift_report (service, checked_at, compared, drift, warnings, failed)
VALUES (%(service)s, %(checked_at)s, %(compared)s, %(drift)s, %(warnings)s, %(failed)s)
ON CONFLICT (service) DO UPDATE
   SET checked_at = excluded.checked_at, compared = excluded.compared,
       drift = excluded.drift, warnings = excluded.warnings, failed = excluded.failed

-- name: drop_old_reports
-- Of services that are in neither any more.
DELETE FROM drift_report WHERE checked_at < %(checked_at)s

-- name: known_services
SELECT code FROM service ORDER BY code
