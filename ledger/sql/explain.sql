-- name: subjects
-- Subscriptions of this external id, in one service or in all.
SELECT b.id, s.code, b.external_id, c.external_id, c.name, b.created_at,
       t."interval", t.anchor, t.timezone, t.started_at, t.ended_at, t.frozen_until,
       t.changed_at, t.changed_to
  FROM subscription b
  JOIN service s ON s.id = b.service_id
  JOIN customer c ON c.id = b.customer_id
  JOIN subscription_terms t ON t.id = b.id
 WHERE b.external_id = %(subscription)s
   AND (%(service)s::text IS NULL OR s.code = %(service)s)
 ORDER BY s.code

-- name: frozen_bills
SELECT f.period_start, f.period_end, p.code, f.currency, f.frozen_at, f.seal,
       f.archived_at, a.file_name, k.status, k.invoice_id, k.reason, k.closed_at
  FROM frozen_period f
  JOIN plan p ON p.id = f.plan_id
  LEFT JOIN period_bill k ON k.subscription_id = f.subscription_id
                         AND k.period_start = f.period_start
  LEFT JOIN archive_file a ON a.id = f.archive_file_id
 WHERE f.subscription_id = %(subscription_id)s
   AND overlaps_days(f.period_start, f.period_end, %(timezone)s, %(first_day)s,
                     %(day_after)s)
 ORDER BY f.period_start

-- name: last_usage
SELECT max(period_start) FROM rollup WHERE subscription_id = %(subscription_id)s

-- name: rollups
-- What a bill's lines are rated from; a correction's period of usage has its end.
SELECT r.metric_id, m.code, r.aggregation, r.usage_start, f.period_end, r.quantity,
       r.base, r.counters, r.rating
  FROM rollup r
  JOIN metric m ON m.id = r.metric_id
  LEFT JOIN frozen_period f ON f.subscription_id = r.subscription_id
                           AND f.period_start = r.usage_start
 WHERE r.subscription_id = %(subscription_id)s AND r.period_start = %(period_start)s
 ORDER BY m.code, r.usage_start

-- name: line_counters
-- The counters that came into a line of a bill or left it there, with their receipts.
WITH life AS (
    SELECT transaction_id, occurred_at, value, members, batch_id, item_index,
           coalesce(late_in, period_start) AS entered, NULL::timestamptz AS voided_in,
           NULL::timestamptz AS voided_at, NULL::text AS voided_by, NULL::text AS reason
      FROM counter
     WHERE subscription_id = %(subscription_id)s AND metric_id = %(metric_id)s
       AND period_start = %(usage_start)s
    UNION ALL
    SELECT transaction_id, occurred_at, value, members, batch_id, item_index,
           coalesce(late_in, period_start), voided_in, voided_at, voided_by, reason
      FROM counter_void
     WHERE subscription_id = %(subscription_id)s AND metric_id = %(metric_id)s
       AND period_start = %(usage_start)s
)
SELECT l.transaction_id, l.occurred_at, l.value, l.members, l.batch_id, l.item_index,
       b.received_at, substr(o.outcomes, l.item_index + 1, 1), l.entered, l.voided_in,
       l.voided_at, l.voided_by, l.reason
  FROM life l
  LEFT JOIN batch b ON b.id = l.batch_id
  LEFT JOIN batch_outcome o ON o.batch_id = l.batch_id
 WHERE %(period_start)s IN (l.entered, l.voided_in)
 ORDER BY l.occurred_at, l.transaction_id, l.voided_at
