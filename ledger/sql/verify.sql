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
-- Fold a page of subscriptions from scratch and compare: answers each rollup that differs.
-- A rollup holds the counters of its period of usage that had come when it was billed,
-- without those that had been taken back by then. What is archived cannot be folded.
WITH wanted AS MATERIALIZED (
    SELECT r.subscription_id, r.metric_id, r.period_start, r.usage_start, r.aggregation,
           r.quantity, r.counters, r.last_at, r.last_transaction_id
      FROM rollup r
      JOIN subscription b ON b.id = r.subscription_id
      LEFT JOIN frozen_period f ON f.subscription_id = r.subscription_id
                               AND f.period_start = r.usage_start
     WHERE r.subscription_id = ANY(%(subscription_ids)s) AND f.archived_at IS NULL
       AND overlaps_days(r.period_start, r.period_end, b.timezone, %(first_day)s,
                         %(day_after)s)
),
present AS MATERIALIZED (
    SELECT w.subscription_id, w.metric_id, w.period_start, w.usage_start, w.aggregation,
           c.occurred_at, c.transaction_id, c.members, c.value,
           counter_number(c.value, c.members) AS number,
           removes_members(c.properties) AS removes, c.entered = w.period_start AS entered_here
      FROM wanted w
      JOIN counter_life c ON c.subscription_id = w.subscription_id
                         AND c.metric_id = w.metric_id
                         AND c.period_start = w.usage_start
                         AND c.entered <= w.period_start
                         AND (c.left_in IS NULL OR c.left_in > w.period_start)
     WHERE c.subscription_id = ANY(%(subscription_ids)s)
),
counted AS (
    SELECT subscription_id, metric_id, period_start, usage_start, count(*) AS events,
           count(*) FILTER (WHERE entered_here) AS counters,
           sum(number) AS total, max(number) AS greatest
      FROM present
     GROUP BY 1, 2, 3, 4
),
latest AS (
    SELECT DISTINCT ON (subscription_id, metric_id, period_start, usage_start)
           subscription_id, metric_id, period_start, usage_start, number,
           occurred_at AS last_at, transaction_id AS last_transaction_id
      FROM present
     ORDER BY subscription_id, metric_id, period_start, usage_start,
              occurred_at DESC, transaction_id DESC
),
last_of_member AS (
    SELECT DISTINCT ON (p.subscription_id, p.metric_id, p.period_start, p.usage_start,
                        u.member COLLATE "C")
           p.subscription_id, p.metric_id, p.period_start, p.usage_start, p.removes
      FROM present p
     CROSS JOIN unnest(counter_members(p.value, p.members)) AS u (member)
     WHERE p.aggregation = 'unique'
     ORDER BY p.subscription_id, p.metric_id, p.period_start, p.usage_start,
              u.member COLLATE "C", p.occurred_at DESC, p.transaction_id DESC
),
distinct_members AS (
    SELECT subscription_id, metric_id, period_start, usage_start,
           count(*) FILTER (WHERE NOT removes) AS members
      FROM last_of_member
     GROUP BY 1, 2, 3, 4
),
expected AS (
    SELECT w.*,
           coalesce(CASE w.aggregation
                        WHEN 'sum' THEN n.total
                        WHEN 'max' THEN n.greatest
                        WHEN 'last' THEN l.number
                        WHEN 'count' THEN n.events
                        ELSE d.members
                    END, 0) AS expected_quantity,
           coalesce(n.counters, 0) AS expected_counters,
           l.last_at AS expected_at, l.last_transaction_id AS expected_id
      FROM wanted w
      LEFT JOIN counted n USING (subscription_id, metric_id, period_start, usage_start)
      LEFT JOIN latest l USING (subscription_id, metric_id, period_start, usage_start)
      LEFT JOIN distinct_members d
          USING (subscription_id, metric_id, period_start, usage_start)
)
SELECT e.subscription_id, m.code, e.period_start, e.usage_start, e.expected_quantity,
       e.quantity, e.expected_counters, e.counters
  FROM expected e
  JOIN metric m ON m.id = e.metric_id
 WHERE (expected_quantity, expected_counters, expected_at, expected_id)
       IS DISTINCT FROM (quantity, counters, last_at, last_transaction_id)
 ORDER BY 1, 2, 3, 4

-- name: wrong_bases
-- Corrections that do not begin with what was billed for their usage before.
SELECT subscription_id, m.code, period_start, usage_start, before, base
  FROM (SELECT r.subscription_id, r.metric_id, r.period_start, r.usage_start, r.base,
               coalesce(lag(r.quantity) OVER (
                   PARTITION BY r.subscription_id, r.metric_id, r.usage_start
                       ORDER BY r.period_start), 0) AS before
          FROM rollup r
         WHERE r.subscription_id = ANY(%(subscription_ids)s)) AS c
  JOIN metric m ON m.id = metric_id
 WHERE base <> CASE WHEN usage_start < period_start THEN before ELSE 0 END
 ORDER BY 1, 2, 3, 4

-- name: wrong_members
-- Members of a unique metric that no counter has, or that are missing.
WITH folded AS (
    SELECT DISTINCT ON (r.subscription_id, r.metric_id, r.usage_start)
           r.subscription_id, r.metric_id, r.usage_start, r.aggregation
      FROM rollup r
      LEFT JOIN frozen_period f ON f.subscription_id = r.subscription_id
                               AND f.period_start = r.usage_start
     WHERE r.subscription_id = ANY(%(subscription_ids)s) AND f.archived_at IS NULL
     ORDER BY r.subscription_id, r.metric_id, r.usage_start, r.period_start
),
expected AS (
    SELECT subscription_id, metric_id, period_start, member
      FROM (SELECT DISTINCT ON (c.subscription_id, c.metric_id, c.period_start,
                                u.member COLLATE "C")
                   c.subscription_id, c.metric_id, c.period_start,
                   u.member COLLATE "C" AS member,
                   removes_members(c.properties) AS removes
              FROM counter c
              JOIN folded f ON f.subscription_id = c.subscription_id
                           AND f.metric_id = c.metric_id
                           AND f.usage_start = c.period_start
             CROSS JOIN unnest(counter_members(c.value, c.members)) AS u (member)
             WHERE c.subscription_id = ANY(%(subscription_ids)s)
               AND f.aggregation = 'unique'
             ORDER BY c.subscription_id, c.metric_id, c.period_start,
                      u.member COLLATE "C", c.occurred_at DESC, c.transaction_id DESC
           ) AS l
     WHERE NOT removes
),
stored AS (
    SELECT u.subscription_id, u.metric_id, u.period_start, u.member
      FROM unique_member u
      LEFT JOIN frozen_period f ON f.subscription_id = u.subscription_id
                               AND f.period_start = u.period_start
     WHERE u.subscription_id = ANY(%(subscription_ids)s) AND f.archived_at IS NULL
)
SELECT subscription_id, m.code, period_start, count(*)
  FROM ((SELECT * FROM expected EXCEPT SELECT * FROM stored)
        UNION ALL
        (SELECT * FROM stored EXCEPT SELECT * FROM expected)) AS wrong
  JOIN metric m ON m.id = metric_id
 GROUP BY 1, 2, 3
 ORDER BY 1, 2, 3

-- name: wrong_periods
-- Rollups of one metric whose periods overlap, and revisions that Odoo cannot have.
SELECT subscription_id, m.code, period_start,
       CASE WHEN pushed_revision > revision
            THEN 'Odoo is said to have a revision that the ledger never had'
            ELSE 'overlaps the period after it' END
  FROM (SELECT subscription_id, metric_id, period_start, usage_start, period_end,
               counters, revision, pushed_revision,
               lead(period_start) OVER (PARTITION BY subscription_id, metric_id
                                            ORDER BY period_start) AS next_start
          FROM rollup
         WHERE subscription_id = ANY(%(subscription_ids)s)
           AND (counters > 0 OR frozen_at IS NOT NULL OR pushed_revision > revision)
           AND (usage_start = period_start OR pushed_revision > revision)) AS r
  JOIN metric m ON m.id = metric_id
 WHERE pushed_revision > revision OR next_start < period_end
 ORDER BY 1, 2, 3

-- name: wrong_states
-- Rollups that are frozen, or not, otherwise than their period is; what is not frozen
-- behind what is would never be billed.
SELECT r.subscription_id, m.code, r.period_start, r.usage_start,
       CASE WHEN r.frozen_at IS NULL
            THEN 'is not frozen, though its period is past: it is never billed'
            WHEN f.period_end IS NULL THEN 'is frozen, and its period is not'
            ELSE 'does not end where its frozen period does' END
  FROM rollup r
  JOIN subscription b ON b.id = r.subscription_id
  JOIN metric m ON m.id = r.metric_id
  LEFT JOIN frozen_period f ON f.subscription_id = r.subscription_id
                           AND f.period_start = r.period_start
 WHERE r.subscription_id = ANY(%(subscription_ids)s)
   AND CASE WHEN r.frozen_at IS NULL
            THEN r.period_start < b.frozen_until
                 AND (r.counters > 0 OR r.quantity <> r.base)
            ELSE r.period_end IS DISTINCT FROM f.period_end END
 ORDER BY 1, 2, 3, 4

-- name: kept_archived_counters
-- Periods whose counters are said to be in a file alone, with some that are still here.
SELECT c.subscription_id, c.period_start, count(*)
  FROM counter c
  JOIN frozen_period f ON f.subscription_id = c.subscription_id
                      AND f.period_start = coalesce(c.late_in, c.period_start)
  JOIN archive_file a ON a.id = f.archive_file_id
 WHERE c.subscription_id = ANY(%(subscription_ids)s) AND a.emptied_at IS NOT NULL
 GROUP BY 1, 2
 ORDER BY 1, 2

-- name: unsealed_periods
-- Frozen for more than an hour, and without a seal.
SELECT subscription_id, min(period_start), count(*)
  FROM frozen_period
 WHERE subscription_id = ANY(%(subscription_ids)s) AND seal IS NULL
   AND frozen_at < now() - interval '1 hour'
 GROUP BY subscription_id
 ORDER BY subscription_id

-- name: wrong_frozen_periods
-- Frozen periods that leave a gap, overlap, or end elsewhere than the subscription says.
SELECT subscription_id, coalesce(period_start, frozen_until),
       CASE WHEN period_start IS NULL THEN 'is where all before is frozen, and nothing is'
            WHEN before <> period_start THEN 'does not begin where the one before ends'
            ELSE 'is the last that is frozen, and its end is not noted so' END
  FROM (SELECT b.id AS subscription_id, f.period_start, f.period_end, b.frozen_until,
               lag(f.period_end) OVER w AS before, lead(f.period_end) OVER w AS after
          FROM subscription b
          LEFT JOIN frozen_period f ON f.subscription_id = b.id
         WHERE b.id = ANY(%(subscription_ids)s)
        WINDOW w AS (PARTITION BY b.id ORDER BY f.period_start)) AS p
 WHERE before <> period_start
    OR (after IS NULL AND frozen_until IS DISTINCT FROM period_end)
 ORDER BY 1, 2

-- name: frozen_lines
-- What was billed, to be rated again; of what usage is archived no counters are here.
SELECT r.subscription_id, m.code, r.period_start, r.usage_start, r.metric_id,
       r.aggregation, r.quantity, r.counters, f.archived_at IS NOT NULL, r.amount,
       r.rating,
       prior_rating(r.subscription_id, r.metric_id, r.usage_start, r.period_start)
  FROM rollup r
  JOIN subscription b ON b.id = r.subscription_id
  JOIN metric m ON m.id = r.metric_id
  LEFT JOIN frozen_period f ON f.subscription_id = r.subscription_id
                           AND f.period_start = r.usage_start
 WHERE r.subscription_id = ANY(%(subscription_ids)s) AND r.frozen_at IS NOT NULL
   AND overlaps_days(r.period_start, r.period_end, b.timezone, %(first_day)s,
                     %(day_after)s)
 ORDER BY 1, 3, 2, 4

-- name: sealed_periods
-- Of subscriptions with frozen periods, the starts of those that are asked for.
SELECT f.subscription_id,
       array_agg(f.period_start) FILTER (
           WHERE overlaps_days(f.period_start, f.period_end, b.timezone, %(first_day)s,
                               %(day_after)s))
  FROM frozen_period f
  JOIN subscription b ON b.id = f.subscription_id
 WHERE f.subscription_id = ANY(%(subscription_ids)s)
 GROUP BY f.subscription_id
 ORDER BY f.subscription_id

-- name: missing_rollups
-- Counters that no rollup holds.
SELECT c.subscription_id, m.code, c.entered, c.period_start, count(*)
  FROM counter_life c
  JOIN metric m ON m.id = c.metric_id
  LEFT JOIN rollup r ON r.subscription_id = c.subscription_id
                    AND r.metric_id = c.metric_id AND r.period_start = c.entered
                    AND r.usage_start = c.period_start
 WHERE c.subscription_id = ANY(%(subscription_ids)s)
   AND (c.left_in IS NULL OR c.left_in > c.entered)
   AND r.subscription_id IS NULL
 GROUP BY 1, 2, 3, 4
 ORDER BY 1, 2, 3, 4

-- name: misplaced_counters
-- Counters whose period is not one that holds their timestamp.
SELECT c.subscription_id, m.code, c.transaction_id
  FROM counter_life c
  JOIN metric m ON m.id = c.metric_id
  JOIN rollup r ON r.subscription_id = c.subscription_id
               AND r.metric_id = c.metric_id AND r.period_start = c.entered
               AND r.usage_start = c.period_start
  LEFT JOIN frozen_period f ON f.subscription_id = c.subscription_id
                           AND f.period_start = c.period_start
                           AND c.entered > c.period_start
 WHERE c.subscription_id = ANY(%(subscription_ids)s)
   AND (c.left_in IS NULL OR c.left_in > c.entered)
   AND (c.occurred_at < c.period_start
        OR c.occurred_at >= coalesce(f.period_end, r.period_end))
 ORDER BY 1, 2, 3

-- name: page_counters
SELECT (SELECT count(*) FROM counter
         WHERE subscription_id = ANY(%(subscription_ids)s)),
       (SELECT count(*) FROM counter_void
         WHERE subscription_id = ANY(%(subscription_ids)s) AND restored_at IS NULL)

-- name: archived_counters
SELECT coalesce(sum(counters), 0) FROM archive_file WHERE service_id = %(service_id)s

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
