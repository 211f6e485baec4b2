-- name: services
SELECT id, code FROM service
 WHERE %(service)s::text IS NULL OR code = %(service)s ORDER BY code

-- name: take_turn
-- Held by the session: one archives at a time.
SELECT pg_try_advisory_lock(%(lock_space)s, 0)

-- name: make_picked
CREATE TEMP TABLE IF NOT EXISTS picked (
    month           date        NOT NULL,
    subscription_id bigint      NOT NULL,
    period_start    timestamptz NOT NULL,
    PRIMARY KEY (subscription_id, period_start)
)

-- name: forget_picked
TRUNCATE picked

-- name: pick
-- Sealed periods that ended long ago, by the month of their start, in UTC. One whose
-- usage is still billed in an open correction waits, and so do those after it.
INSERT INTO picked
SELECT date_trunc('month', f.period_start AT TIME ZONE 'UTC')::date, f.subscription_id,
       f.period_start
  FROM frozen_period f
  JOIN subscription b ON b.id = f.subscription_id
 WHERE b.service_id = %(service_id)s AND f.seal IS NOT NULL AND f.archived_at IS NULL
   AND f.period_end <= %(now)s - make_interval(months => %(months)s)
   AND NOT EXISTS (
       SELECT FROM rollup r
        WHERE r.subscription_id = f.subscription_id AND r.usage_start < r.period_start
          AND r.usage_start <= f.period_start AND r.frozen_at IS NULL)

-- name: analyze_picked
ANALYZE picked

-- name: picked_months
SELECT month, count(*) FROM picked GROUP BY month ORDER BY month

-- name: count_picked
SELECT count(*) FROM picked WHERE month = %(month)s

-- name: count_lines
SELECT count(*)
  FROM picked p
  JOIN counter_life c
    ON c.subscription_id = p.subscription_id
   AND ((c.entered = p.period_start
         AND (c.left_in IS NULL OR c.left_in > p.period_start))
        OR (c.left_in = p.period_start AND c.entered < p.period_start))
 WHERE p.month = %(month)s

-- name: copy_lines
-- What the seals of the picked periods cover, in the order in which each was taken.
COPY (
    SELECT p.subscription_id, b.external_id AS subscription, p.period_start AS billed_in,
           CASE WHEN c.entered = p.period_start THEN '+' ELSE '-' END AS sign,
           m.code, c.transaction_id, c.period_start, c.occurred_at, c.batch_id,
           c.item_index, c.value, to_json(c.members) AS members, c.properties
      FROM picked p
      JOIN subscription b ON b.id = p.subscription_id
      JOIN counter_life c
        ON c.subscription_id = p.subscription_id
       AND ((c.entered = p.period_start
             AND (c.left_in IS NULL OR c.left_in > p.period_start))
            OR (c.left_in = p.period_start AND c.entered < p.period_start))
      JOIN metric m ON m.id = c.metric_id
     WHERE p.month = %(month)s
     ORDER BY p.subscription_id, p.period_start, m.code, c.transaction_id, c.batch_id,
              c.item_index
) TO STDOUT (FORMAT csv, HEADER)

-- name: next_number
SELECT count(*) + 1 FROM archive_file
 WHERE service_id = %(service_id)s AND month = %(month)s

-- name: limit_wait
SET LOCAL lock_timeout = '5s'

-- name: drop_changed
-- Subscriptions that must wait after all: since the pick, usage of these periods was
-- corrected, or one before them was left out.
DELETE FROM picked
 WHERE subscription_id IN (
     SELECT p.subscription_id
       FROM picked p
      WHERE p.month = %(month)s
        AND (EXISTS (SELECT FROM rollup r
                      WHERE r.subscription_id = p.subscription_id
                        AND r.usage_start < r.period_start
                        AND r.usage_start <= p.period_start AND r.frozen_at IS NULL)
             OR EXISTS (SELECT FROM frozen_period f
                         WHERE f.subscription_id = p.subscription_id
                           AND f.period_start < p.period_start
                           AND f.archived_at IS NULL
                           AND NOT EXISTS (
                               SELECT FROM picked q
                                WHERE q.subscription_id = f.subscription_id
                                  AND q.period_start = f.period_start
                                  AND q.month = %(month)s))))

-- name: record_file
INSERT INTO archive_file (service_id, month, file_name, sha256, lines, counters,
                          archived_at)
VALUES (%(service_id)s, %(month)s, %(file_name)s, %(sha256)s, %(lines)s, 0, %(now)s)
RETURNING id

-- name: mark_periods
UPDATE frozen_period f
   SET archived_at = %(now)s, archive_file_id = %(file_id)s
  FROM picked p
 WHERE p.month = %(month)s AND f.subscription_id = p.subscription_id
   AND f.period_start = p.period_start

-- name: unfinished_files
-- Those whose counters are not all deleted yet.
SELECT a.id, a.month, a.file_name, a.sha256, a.lines,
       (SELECT count(*) FROM frozen_period f WHERE f.archive_file_id = a.id)
  FROM archive_file a
 WHERE service_id = %(service_id)s AND emptied_at IS NULL
 ORDER BY month, id

-- name: file_subscriptions
-- A page of the subscriptions of a file, with the starts of its periods.
SELECT subscription_id, array_agg(period_start)
  FROM frozen_period
 WHERE archive_file_id = %(file_id)s AND subscription_id > %(after_id)s
 GROUP BY subscription_id
 ORDER BY subscription_id
 LIMIT %(limit)s

-- name: delete_counters
-- Of the next counters of a subscription those that are in the file; answers how many,
-- how many were looked at, and the last of these.
WITH page AS MATERIALIZED (
    SELECT metric_id, transaction_id, coalesce(late_in, period_start) AS billed_in
      FROM counter
     WHERE subscription_id = %(subscription_id)s
       AND (metric_id, transaction_id) > (%(metric_id)s, %(transaction_id)s)
     ORDER BY metric_id, transaction_id
     LIMIT %(limit)s
),
gone AS (
    DELETE FROM counter c
     USING page p
     WHERE c.subscription_id = %(subscription_id)s AND c.metric_id = p.metric_id
       AND c.transaction_id = p.transaction_id
       AND p.billed_in = ANY(%(period_starts)s)
    RETURNING 1
)
SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM page), metric_id,
       transaction_id
  FROM page
 ORDER BY metric_id DESC, transaction_id DESC
 LIMIT 1

-- name: delete_members
DELETE FROM unique_member
 WHERE ctid = ANY(ARRAY(
     SELECT ctid FROM unique_member
      WHERE subscription_id = %(subscription_id)s
        AND period_start = ANY(%(period_starts)s)
      LIMIT %(limit)s))

-- name: count_deleted
UPDATE archive_file SET counters = counters + %(counters)s WHERE id = %(file_id)s

-- name: note_emptied
UPDATE archive_file SET emptied_at = %(now)s WHERE id = %(file_id)s
RETURNING counters

-- name: files
SELECT a.id, a.file_name, a.sha256, a.lines,
       (SELECT count(*) FROM frozen_period f WHERE f.archive_file_id = a.id)
  FROM archive_file a
  JOIN service s ON s.id = a.service_id
 WHERE %(service)s::text IS NULL OR s.code = %(service)s
 ORDER BY s.code, a.month, a.id

-- name: sealed_in_file
-- The periods whose counters a file holds, in its order, with what was sealed.
SELECT f.subscription_id, b.external_id, f.period_start, f.counters_hash
  FROM frozen_period f
  JOIN subscription b ON b.id = f.subscription_id
 WHERE f.archive_file_id = %(file_id)s
 ORDER BY f.subscription_id, f.period_start
