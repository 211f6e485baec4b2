-- name: services
SELECT id, code FROM service
 WHERE %(service)s::text IS NULL OR code = %(service)s ORDER BY code

-- name: subscription_page
SELECT id, external_id FROM subscription
 WHERE service_id = %(service_id)s AND id > %(after_id)s
 ORDER BY id LIMIT %(limit)s

-- name: subscription_count
SELECT count(*) FROM subscription WHERE service_id = %(service_id)s

-- name: wrong_rollups
-- Fold a page of subscriptions from scratch and compare: answers each rollup that
-- differs, is missing, or has no counters (one that says so itself is right).
WITH counted AS (
    SELECT c.subscription_id, c.metric_id, c.period_start, m.aggregation,
           count(*) AS counters, sum(c.value) AS total, max(c.value) AS greatest,
           (array_agg(c.value ORDER BY c.occurred_at DESC, c.transaction_id DESC))[1]
               AS latest,
           max(c.occurred_at) AS last_at,
           (array_agg(c.transaction_id
                      ORDER BY c.occurred_at DESC, c.transaction_id DESC))[1]
               AS last_transaction_id
      FROM counter c
      JOIN metric m ON m.id = c.metric_id
     WHERE c.subscription_id = ANY(%(subscription_ids)s)
     GROUP BY c.subscription_id, c.metric_id, c.period_start, m.aggregation
),
members AS (
    SELECT c.subscription_id, c.metric_id, c.period_start,
           count(DISTINCT u.member) AS members
      FROM counter c
     CROSS JOIN unnest(c.members) AS u (member)
     WHERE c.subscription_id = ANY(%(subscription_ids)s) AND c.members IS NOT NULL
     GROUP BY c.subscription_id, c.metric_id, c.period_start
),
expected AS (
    SELECT subscription_id, metric_id, period_start, counters, last_at,
           last_transaction_id, aggregation,
           CASE aggregation
               WHEN 'sum' THEN total
               WHEN 'max' THEN greatest
               WHEN 'last' THEN latest
               ELSE coalesce(members, 0)
           END AS quantity
      FROM counted
      LEFT JOIN members USING (subscription_id, metric_id, period_start)
),
stored AS (
    SELECT subscription_id, metric_id, period_start, counters, last_at,
           last_transaction_id, aggregation, quantity
      FROM rollup
     WHERE subscription_id = ANY(%(subscription_ids)s)
       AND (counters, quantity) <> (0, 0)
)
SELECT subscription_id, m.code, period_start, e.quantity, s.quantity,
       coalesce(e.counters, 0), coalesce(s.counters, 0)
  FROM expected e
  FULL JOIN stored s USING (subscription_id, metric_id, period_start)
  JOIN metric m ON m.id = metric_id
 WHERE (e.quantity, e.counters, e.last_at, e.last_transaction_id, e.aggregation)
       IS DISTINCT FROM
       (s.quantity, s.counters, s.last_at, s.last_transaction_id, s.aggregation)
 ORDER BY 1, 2, 3

-- name: wrong_members
-- Members of a unique metric that no counter has, or that are missing.
SELECT subscription_id, m.code, period_start, count(*)
  FROM (SELECT c.subscription_id, c.metric_id, c.period_start, u.member COLLATE "C"
          FROM counter c
         CROSS JOIN unnest(c.members) AS u (member)
         WHERE c.subscription_id = ANY(%(subscription_ids)s)
           AND c.members IS NOT NULL) AS e (subscription_id, metric_id, period_start,
                                            member)
  FULL JOIN (SELECT subscription_id, metric_id, period_start, member, true AS stored
               FROM unique_member
              WHERE subscription_id = ANY(%(subscription_ids)s)) AS s
       USING (subscription_id, metric_id, period_start, member)
  JOIN metric m ON m.id = metric_id
 WHERE e.member IS NULL OR s.stored IS NULL
 GROUP BY 1, 2, 3
 ORDER BY 1, 2, 3

-- name: wrong_periods
-- Rollups of one metric whose periods overlap, and revisions that Odoo cannot have.
SELECT subscription_id, m.code, period_start,
       CASE WHEN pushed_revision > revision
            THEN 'Odoo is said to have a revision that the ledger never had'
            ELSE 'overlaps the period after it' END
  FROM (SELECT subscription_id, metric_id, period_start, period_end, counters,
               revision, pushed_revision,
               lead(period_start) OVER (PARTITION BY subscription_id, metric_id
                                            ORDER BY period_start) AS next_start
          FROM rollup
         WHERE subscription_id = ANY(%(subscription_ids)s)
           AND (counters > 0 OR pushed_revision > revision)) AS r
  JOIN metric m ON m.id = metric_id
 WHERE pushed_revision > revision OR next_start < period_end
 ORDER BY 1, 2, 3

-- name: misplaced_counters
-- Counters whose period is not one that holds their timestamp.
SELECT c.subscription_id, m.code, c.transaction_id
  FROM counter c
  JOIN metric m ON m.id = c.metric_id
  LEFT JOIN rollup r USING (subscription_id, metric_id, period_start)
 WHERE c.subscription_id = ANY(%(subscription_ids)s)
   AND (r.period_end IS NULL
        OR c.occurred_at < c.period_start OR c.occurred_at >= r.period_end)
 ORDER BY 1, 2, 3

-- name: page_counters
SELECT count(*) FROM counter WHERE subscription_id = ANY(%(subscription_ids)s)

-- name: wrong_batches
-- Receipts that do not add up, or whose letters say otherwise than their sums.
SELECT b.id, b.received, b.applied, b.duplicate, b.conflict, b.rejected, b.parked,
       o.outcomes IS NULL
  FROM batch b
  LEFT JOIN batch_outcome o ON o.batch_id = b.id
 CROSS JOIN LATERAL (
     SELECT coalesce(length(o.outcomes), 0) AS letters,
            coalesce(length(o.outcomes) - length(replace(o.outcomes, 'a', '')), 0) AS a,
            coalesce(length(o.outcomes) - length(replace(o.outcomes, 'd', '')), 0) AS d,
            coalesce(length(o.outcomes) - length(replace(o.outcomes, 'c', '')), 0) AS c,
            coalesce(length(o.outcomes) - length(replace(o.outcomes, 'r', '')), 0) AS r,
            coalesce(length(o.outcomes) - length(replace(o.outcomes, 'p', '')), 0) AS p
 ) AS n
 WHERE b.service_id = %(service_id)s AND b.state = 'done'
   AND (b.received, b.applied, b.duplicate, b.conflict, b.rejected, b.parked)
       IS DISTINCT FROM (n.letters, n.a, n.d, n.c, n.r, n.p)
 ORDER BY b.received_at

-- name: batch_totals
SELECT count(*), coalesce(sum(received), 0), coalesce(sum(applied), 0),
       coalesce(sum(duplicate), 0), coalesce(sum(conflict), 0),
       coalesce(sum(rejected), 0), coalesce(sum(parked), 0)
  FROM batch
 WHERE service_id = %(service_id)s AND state = 'done'

-- name: parked_count
SELECT count(*) FROM parked_counter WHERE service_id = %(service_id)s

-- name: batches_by_state
SELECT state, count(*) FROM batch
 WHERE service_id = %(service_id)s GROUP BY state

-- name: conflict_count
SELECT count(*) FROM counter_conflict WHERE service_id = %(service_id)s

-- name: dead_without_letter
SELECT b.id FROM batch b
 WHERE b.service_id = %(service_id)s AND b.state = 'dead'
   AND NOT EXISTS (SELECT FROM dead_letter d
                    WHERE d.kind = 'batch' AND d.source_id = b.id::text)
 ORDER BY b.received_at
