-- name: find_counter
-- By its identity, with what is known of its subscription and of the way it was folded.
SELECT c.subscription_id, c.metric_id, c.period_start, r.aggregation,
       f.period_start IS NOT NULL, f.archived_at IS NOT NULL
  FROM subscription b
  JOIN metric m ON m.service_id = b.service_id AND m.code = %(code)s
  JOIN counter c ON c.subscription_id = b.id AND c.metric_id = m.id
                AND c.transaction_id = %(transaction_id)s
  JOIN rollup r ON r.subscription_id = c.subscription_id AND r.metric_id = c.metric_id
               AND r.period_start = coalesce(c.late_in, c.period_start)
               AND r.usage_start = c.period_start
  LEFT JOIN frozen_period f ON f.subscription_id = c.subscription_id
                           AND f.period_start = c.period_start
 WHERE b.service_id = %(service_id)s AND b.external_id = %(external_subscription_id)s

-- name: subscription_terms
SELECT "interval", anchor, timezone, started_at, ended_at, frozen_until, changed_at,
       changed_to
  FROM subscription_terms WHERE id = %(subscription_id)s

-- name: keep_void
-- The counter as it was, with who took it back, when and why; then without it.
WITH taken AS (
    DELETE FROM counter
     WHERE subscription_id = %(subscription_id)s AND metric_id = %(metric_id)s
       AND transaction_id = %(transaction_id)s
    RETURNING *
)
INSERT INTO counter_void (service_id, subscription_id, metric_id, transaction_id,
                          occurred_at, period_start, late_in, batch_id, item_index,
                          value, members, properties, voided_in, voided_at, voided_by,
                          reason)
SELECT %(service_id)s, subscription_id, metric_id, transaction_id, occurred_at,
       period_start, late_in, batch_id, item_index, value, members, properties,
       %(voided_in)s, %(now)s, %(by)s, %(reason)s
  FROM taken

-- name: take_over_void
-- What changed terms have left outside the subscription's life, and may bring back: from
-- now on a person's, who does not want it back. Its record stays, and a new one follows.
WITH taken AS (
    UPDATE counter_void v
       SET restored_at = %(now)s
      FROM subscription b, metric m
     WHERE b.id = v.subscription_id AND m.id = v.metric_id
       AND v.service_id = %(service_id)s
       AND b.external_id = %(external_subscription_id)s AND m.code = %(code)s
       AND v.transaction_id = %(transaction_id)s
       AND v.voided_by = 'terms' AND v.restored_at IS NULL
    RETURNING v.*
)
INSERT INTO counter_void (service_id, subscription_id, metric_id, transaction_id,
                          occurred_at, period_start, late_in, batch_id, item_index,
                          value, members, properties, voided_in, voided_at, voided_by,
                          reason)
SELECT service_id, subscription_id, metric_id, transaction_id, occurred_at,
       period_start, late_in, batch_id, item_index, value, members, properties,
       voided_in, %(now)s, %(by)s, %(reason)s
  FROM taken
 ORDER BY id

-- name: last_void
-- With the ends of the period of its usage, and of the one whose bill it changed.
SELECT v.occurred_at, v.value, v.members, v.batch_id, v.item_index, v.period_start,
       CASE WHEN v.voided_in = v.period_start THEN r.period_end ELSE f.period_end END,
       v.voided_in, r.period_end, v.voided_at, v.voided_by, v.reason
  FROM counter_void v
  JOIN subscription b ON b.id = v.subscription_id
  JOIN metric m ON m.id = v.metric_id
  LEFT JOIN rollup r ON r.subscription_id = v.subscription_id
                    AND r.metric_id = v.metric_id
                    AND r.period_start = v.voided_in
                    AND r.usage_start = v.period_start
  LEFT JOIN frozen_period f ON f.subscription_id = v.subscription_id
                           AND f.period_start = v.period_start
 WHERE v.service_id = %(service_id)s AND b.external_id = %(external_subscription_id)s
   AND m.code = %(code)s AND v.transaction_id = %(transaction_id)s
   AND v.restored_at IS NULL
 ORDER BY v.id DESC
 LIMIT 1

-- name: has_archived
-- Whether counters of the subscription's metric are in archived bills.
SELECT true
  FROM subscription b
  JOIN metric m ON m.service_id = b.service_id AND m.code = %(code)s
  JOIN frozen_period f ON f.subscription_id = b.id AND f.archived_at IS NOT NULL
  JOIN rollup r ON r.subscription_id = b.id AND r.metric_id = m.id
               AND r.period_start = f.period_start AND r.counters > 0
 WHERE b.service_id = %(service_id)s AND b.external_id = %(external_subscription_id)s
 LIMIT 1
