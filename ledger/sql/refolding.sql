-- Folding again, from the counters: after their periods, their metric's aggregation or
-- they themselves have changed. A scope is a subscription, one metric of it or all, and
-- the first and the last start of the periods of usage; NULL: no bound.

-- name: lock_rollups
-- In the order in which a fold and the push lock them.
SELECT FROM rollup
 WHERE subscription_id = %(subscription_id)s AND frozen_at IS NULL
 ORDER BY subscription_id, metric_id, period_start, usage_start
   FOR NO KEY UPDATE

-- name: take_out_of_life
-- Counters of periods that are not frozen which the terms leave outside the
-- subscription's life: taken back on record, in nobody's bill.
WITH taken AS (
    DELETE FROM counter
     WHERE subscription_id = %(subscription_id)s
       AND period_start >= coalesce(%(first)s::timestamptz, '-infinity')
       AND (occurred_at < %(begin)s
            OR occurred_at >= coalesce(%(end)s::timestamptz, 'infinity'))
    RETURNING *
)
INSERT INTO counter_void (service_id, subscription_id, metric_id, transaction_id,
                          occurred_at, period_start, late_in, batch_id, item_index,
                          value, members, properties, voided_in, voided_at, voided_by,
                          reason)
SELECT b.service_id, t.subscription_id, t.metric_id, t.transaction_id, t.occurred_at,
       t.period_start, t.late_in, t.batch_id, t.item_index, t.value, t.members,
       t.properties, t.period_start, now(), 'terms',
       CASE WHEN t.occurred_at < %(begin)s THEN 'before_subscription_start'
            ELSE 'after_subscription_end' END
  FROM taken t
  JOIN subscription b ON b.id = t.subscription_id

-- name: back_in_life
-- Those that were taken out so, lie within the terms as they are now, and have not been
-- pushed again in between, nor taken back by a person.
SELECT DISTINCT ON (v.metric_id, v.transaction_id)
       v.id, v.batch_id, v.item_index, v.transaction_id, b.external_id, m.code,
       (extract(epoch FROM v.occurred_at) * 1000000)::bigint, v.value, v.members,
       v.properties::text
  FROM counter_void v
  JOIN subscription b ON b.id = v.subscription_id
  JOIN metric m ON m.id = v.metric_id
 WHERE v.subscription_id = %(subscription_id)s AND v.voided_by = 'terms'
   AND v.restored_at IS NULL AND v.occurred_at >= %(begin)s
   AND v.occurred_at < coalesce(%(end)s::timestamptz, 'infinity')
   AND NOT EXISTS (SELECT FROM counter c
                    WHERE c.subscription_id = v.subscription_id
                      AND c.metric_id = v.metric_id
                      AND c.transaction_id = v.transaction_id)
   AND NOT EXISTS (SELECT FROM counter_void later
                    WHERE later.subscription_id = v.subscription_id
                      AND later.metric_id = v.metric_id
                      AND later.transaction_id = v.transaction_id
                      AND later.id > v.id AND later.voided_by <> 'terms')
 ORDER BY v.metric_id, v.transaction_id, v.id

-- name: mark_restored
UPDATE counter_void SET restored_at = %(now)s WHERE id = ANY(%(ids)s)

-- name: span
SELECT min(occurred_at), max(occurred_at)
  FROM counter
 WHERE subscription_id = %(subscription_id)s
   AND period_start >= coalesce(%(first)s::timestamptz, '-infinity')

-- name: move_counters
-- The periods rise and tile, so that each counter finds its own by binary search: from
-- its first to its last counter a subscription may have thousands of them.
UPDATE counter c
   SET period_start = p.period_start
  FROM (SELECT transaction_id, metric_id, occurred_at,
               (%(period_starts)s::timestamptz[])[n] AS period_start,
               (%(period_ends)s::timestamptz[])[n] AS period_end
          FROM (SELECT transaction_id, metric_id, occurred_at, period_start,
                       width_bucket(occurred_at, %(period_starts)s::timestamptz[]) AS n
                  FROM counter
                 WHERE subscription_id = %(subscription_id)s) AS i
         WHERE period_start >= coalesce(%(first)s::timestamptz, '-infinity')
           AND period_start
               IS DISTINCT FROM (%(period_starts)s::timestamptz[])[n]) AS p
 WHERE c.subscription_id = %(subscription_id)s AND c.metric_id = p.metric_id
   AND c.transaction_id = p.transaction_id AND p.occurred_at < p.period_end

-- name: forget_members
DELETE FROM unique_member
 WHERE subscription_id = %(subscription_id)s
   AND (%(metric_id)s::integer IS NULL OR metric_id = %(metric_id)s)
   AND period_start >= coalesce(%(first)s::timestamptz, '-infinity')
   AND period_start <= coalesce(%(last)s::timestamptz, 'infinity')

-- name: collect_members
-- Of metrics that are aggregated as unique: now, or by the aggregation that is named.
-- Those whose latest counter does not remove them.
INSERT INTO unique_member (subscription_id, metric_id, period_start, member)
SELECT subscription_id, metric_id, period_start, member
  FROM (SELECT DISTINCT ON (c.metric_id, c.period_start, u.member COLLATE "C")
               c.subscription_id, c.metric_id, c.period_start,
               u.member COLLATE "C" AS member, removes_members(c.properties) AS removed
          FROM counter c
          JOIN metric m ON m.id = c.metric_id
         CROSS JOIN unnest(counter_members(c.value, c.members)) AS u (member)
         WHERE c.subscription_id = %(subscription_id)s
           AND (%(metric_id)s::integer IS NULL OR c.metric_id = %(metric_id)s)
           AND c.period_start >= coalesce(%(first)s::timestamptz, '-infinity')
           AND c.period_start <= coalesce(%(last)s::timestamptz, 'infinity')
           AND coalesce(%(aggregation)s, m.aggregation) = 'unique'
         ORDER BY c.metric_id, c.period_start, u.member COLLATE "C",
                  c.occurred_at DESC, c.transaction_id DESC) AS l
 WHERE NOT removed

-- name: refold_rollups
-- Every rollup of the scope that is no correction; a changed one gets a revision.
WITH folded AS (
    SELECT c.subscription_id, c.metric_id, c.period_start, m.aggregation,
           count(*) AS counters,
           sum(counter_number(c.value, c.members)) AS total,
           max(counter_number(c.value, c.members)) AS greatest,
           (array_agg(counter_number(c.value, c.members)
                      ORDER BY c.occurred_at DESC, c.transaction_id DESC))[1]
               AS latest,
           max(c.occurred_at) AS last_at,
           (array_agg(c.transaction_id
                      ORDER BY c.occurred_at DESC, c.transaction_id DESC))[1]
               AS last_transaction_id
      FROM counter c
      JOIN metric m ON m.id = c.metric_id
     WHERE c.subscription_id = %(subscription_id)s
       AND (%(metric_id)s::integer IS NULL OR c.metric_id = %(metric_id)s)
       AND c.period_start >= coalesce(%(first)s::timestamptz, '-infinity')
       AND c.period_start <= coalesce(%(last)s::timestamptz, 'infinity')
     GROUP BY c.subscription_id, c.metric_id, c.period_start, m.aggregation
),
members AS (
    SELECT metric_id, period_start, count(*) AS members
      FROM unique_member
     WHERE subscription_id = %(subscription_id)s
       AND (%(metric_id)s::integer IS NULL OR metric_id = %(metric_id)s)
       AND period_start >= coalesce(%(first)s::timestamptz, '-infinity')
       AND period_start <= coalesce(%(last)s::timestamptz, 'infinity')
     GROUP BY metric_id, period_start
),
period AS (
    SELECT * FROM unnest(%(period_starts)s::timestamptz[],
                         %(period_ends)s::timestamptz[])
               AS p (period_start, period_end)
)
INSERT INTO rollup AS r (subscription_id, metric_id, period_start, usage_start,
                         period_end, aggregation, quantity, counters, last_at,
                         last_transaction_id, updated_at, push_after)
SELECT f.subscription_id, f.metric_id, f.period_start, f.period_start,
       coalesce(p.period_end, s.period_end), f.aggregation,
       coalesce(CASE f.aggregation
                    WHEN 'sum' THEN f.total
                    WHEN 'max' THEN f.greatest
                    WHEN 'last' THEN f.latest
                    WHEN 'count' THEN f.counters
                    ELSE n.members
                END, 0),
       f.counters, f.last_at, f.last_transaction_id, now(), now()
  FROM folded f
  LEFT JOIN members n USING (metric_id, period_start)
  LEFT JOIN period p USING (period_start)
  LEFT JOIN rollup s ON s.subscription_id = f.subscription_id
                    AND s.metric_id = f.metric_id
                    AND s.period_start = f.period_start
                    AND s.usage_start = f.period_start
 ORDER BY f.metric_id, f.period_start
ON CONFLICT (subscription_id, metric_id, period_start, usage_start) DO UPDATE
   SET period_end = excluded.period_end, aggregation = excluded.aggregation,
       quantity = excluded.quantity, counters = excluded.counters,
       last_at = excluded.last_at,
       last_transaction_id = excluded.last_transaction_id,
       revision = r.revision + 1, updated_at = excluded.updated_at,
       push_after = CASE WHEN r.revision = r.pushed_revision
                         THEN excluded.push_after ELSE r.push_after END
 WHERE (r.period_end, r.aggregation, r.quantity, r.counters, r.last_at,
        r.last_transaction_id) IS DISTINCT FROM
       (excluded.period_end, excluded.aggregation, excluded.quantity,
        excluded.counters, excluded.last_at, excluded.last_transaction_id)

-- name: empty_rollups
-- Periods that hold no counter any more stay, at nothing, so that Odoo hears of it; one
-- that still is a period ends where it does now.
UPDATE rollup r
   SET quantity = 0, counters = 0, last_at = NULL, last_transaction_id = NULL,
       aggregation = e.aggregation, period_end = e.period_end,
       revision = r.revision + 1, updated_at = now(),
       push_after = CASE WHEN r.revision = r.pushed_revision
                         THEN now() ELSE r.push_after END
  FROM (SELECT r.metric_id, r.period_start, m.aggregation,
               coalesce(p.period_end, r.period_end) AS period_end
          FROM rollup r
          JOIN metric m ON m.id = r.metric_id
          LEFT JOIN unnest(%(period_starts)s::timestamptz[],
                           %(period_ends)s::timestamptz[])
               AS p (period_start, period_end) ON p.period_start = r.period_start
         WHERE r.subscription_id = %(subscription_id)s) AS e
 WHERE e.metric_id = r.metric_id AND e.period_start = r.period_start
   AND r.subscription_id = %(subscription_id)s
   AND (%(metric_id)s::integer IS NULL OR r.metric_id = %(metric_id)s)
   AND r.period_start >= coalesce(%(first)s::timestamptz, '-infinity')
   AND r.period_start <= coalesce(%(last)s::timestamptz, 'infinity')
   AND r.usage_start = r.period_start
   AND (r.counters, r.aggregation, r.period_end)
       IS DISTINCT FROM (0, e.aggregation, e.period_end)
   AND NOT EXISTS (
       SELECT FROM counter c
        WHERE c.subscription_id = r.subscription_id AND c.metric_id = r.metric_id
          AND c.period_start = r.period_start)

-- name: refold_correction
-- One correction, to what the period of its usage comes to now.
WITH counted AS (
    SELECT count(*) FILTER (WHERE c.late_in = %(period_start)s) AS counters,
           count(*) AS all_counters,
           sum(counter_number(c.value, c.members)) AS total,
           max(counter_number(c.value, c.members)) AS greatest,
           (array_agg(counter_number(c.value, c.members)
                      ORDER BY c.occurred_at DESC, c.transaction_id DESC))[1]
               AS latest,
           max(c.occurred_at) AS last_at,
           (array_agg(c.transaction_id
                      ORDER BY c.occurred_at DESC, c.transaction_id DESC))[1]
               AS last_transaction_id
      FROM counter c
     WHERE c.subscription_id = %(subscription_id)s AND c.metric_id = %(metric_id)s
       AND c.period_start = %(usage_start)s
)
UPDATE rollup r
   SET quantity = coalesce(CASE r.aggregation
                               WHEN 'sum' THEN n.total
                               WHEN 'max' THEN n.greatest
                               WHEN 'last' THEN n.latest
                               WHEN 'count' THEN n.all_counters
                               ELSE (SELECT count(*) FROM unique_member u
                                      WHERE u.subscription_id = r.subscription_id
                                        AND u.metric_id = r.metric_id
                                        AND u.period_start = r.usage_start)
                           END, 0),
       counters = n.counters, last_at = n.last_at,
       last_transaction_id = n.last_transaction_id,
       revision = r.revision + 1, updated_at = now(),
       push_after = CASE WHEN r.revision = r.pushed_revision
                         THEN now() ELSE r.push_after END
  FROM counted n
 WHERE r.subscription_id = %(subscription_id)s AND r.metric_id = %(metric_id)s
   AND r.period_start = %(period_start)s AND r.usage_start = %(usage_start)s

-- name: end_corrections
-- Corrections that are not frozen follow the period in which they are billed.
UPDATE rollup
   SET period_end = %(period_end)s, revision = revision + 1, updated_at = now(),
       push_after = CASE WHEN revision = pushed_revision THEN now() ELSE push_after END
 WHERE subscription_id = %(subscription_id)s AND period_start = %(period_start)s
   AND usage_start < period_start AND frozen_at IS NULL
   AND period_end <> %(period_end)s

-- name: subscriptions_with_usage
-- Those that have a metric's usage in periods that are not frozen, and how many have it
-- in frozen ones.
SELECT r.subscription_id, b.frozen_until, bool_or(r.frozen_at IS NULL),
       count(*) FILTER (WHERE r.frozen_at IS NOT NULL)
  FROM rollup r
  JOIN subscription b ON b.id = r.subscription_id
 WHERE r.metric_id = %(metric_id)s
 GROUP BY r.subscription_id, b.frozen_until
 ORDER BY r.subscription_id

-- name: look_at_freezes
UPDATE subscription SET freeze_due_at = '-infinity'
 WHERE id = ANY(%(subscription_ids)s)
