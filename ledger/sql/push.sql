-- The way of rollups to Odoo: claim with a lease, send, then mark what was sent.

-- name: lock_subscriptions
-- Subscriptions with rows to push that no other worker is pushing, locked by this session
-- until it unlocks or ends: one subscription's rows are pushed by one worker at a time.
-- The lock ends with its holder, however that ends; no clock is in it.
SELECT d.subscription_id
  FROM (SELECT DISTINCT r.subscription_id
          FROM (SELECT subscription_id
                  FROM rollup
                 WHERE dirty AND push_after <= %(now)s
                 ORDER BY push_after
                 LIMIT %(limit)s) AS r
         OFFSET 0) AS d
 WHERE pg_try_advisory_lock(%(lock_space)s + d.subscription_id)

-- name: unlock_subscriptions
-- A lock of each once: one that the next batch has taken as well stays.
SELECT pg_advisory_unlock(%(lock_space)s + id) FROM unnest(%(subscription_ids)s::bigint[]) AS id

-- name: lock_lane
-- One of the lanes that no other session has; it lasts as long as the session.
SELECT lane FROM generate_series(1, %(lanes)s) AS lane
 WHERE pg_try_advisory_lock(%(lock_space)s + lane)
 LIMIT 1

-- name: lease_rollups
-- A second statement after the locks, so that it sees what their last holder has marked.
-- The lease keeps a row from being claimed again should the locking session be lost while
-- the call still runs. A dead row is one like any other until it is refused again: a fold
-- must not end its lease.
WITH claimed AS MATERIALIZED (
    SELECT r.subscription_id, r.metric_id, r.period_start, r.usage_start
      FROM rollup r
     WHERE r.dirty AND r.push_after <= %(now)s
       AND r.subscription_id = ANY(%(subscription_ids)s)
     ORDER BY r.push_after
     LIMIT %(limit)s
       FOR UPDATE SKIP LOCKED
)
UPDATE rollup r
   SET push_after = %(lease_until)s, push_revive_at = NULL
  FROM claimed c
 WHERE r.subscription_id = c.subscription_id AND r.metric_id = c.metric_id
   AND r.period_start = c.period_start AND r.usage_start = c.usage_start
RETURNING r.subscription_id, r.metric_id, r.period_start, r.usage_start

-- name: read_claims
-- Not in the statement that leases: a row that it had to wait for, it would read newer
-- than the charge beside it. A frozen row has its rating. One that is not is rated by the
-- plan of its period; a correction by what its usage was billed at last.
SELECT r.subscription_id, r.metric_id, r.period_start, r.usage_start, r.period_end,
       r.quantity, r.base, r.revision, r.push_attempts,
       s.id, s.code, b.external_id, m.code, r.aggregation,
       r.counters,
       coalesce(c.currency, f.currency, p.currency),
       r.rating,
       CASE WHEN r.usage_start < r.period_start
            THEN prior_rating(r.subscription_id, r.metric_id, r.usage_start,
                              r.period_start)
       END,
       c.model, c.included, c.price, c.package_size, c.tiers::text, c.minimum,
       c.rounding, c.rounding_precision, c.fixed, c.free_events,
       to_json(c.group_keys)::text, c.filters::text, c.display_name
  FROM unnest(
           %(subscription_ids)s::bigint[], %(metric_ids)s::integer[],
           %(period_starts)s::timestamptz[], %(usage_starts)s::timestamptz[]
       ) AS l (subscription_id, metric_id, period_start, usage_start)
  JOIN rollup r USING (subscription_id, metric_id, period_start, usage_start)
  JOIN subscription b ON b.id = r.subscription_id
  JOIN service s ON s.id = b.service_id
  JOIN metric m ON m.id = r.metric_id
  JOIN plan p ON p.id = plan_at(r.subscription_id, r.usage_start)
  LEFT JOIN frozen_period f ON f.subscription_id = r.subscription_id
                           AND f.period_start = r.usage_start
  LEFT JOIN LATERAL charges_at(p.id, r.period_end) c
    ON c.metric_id = r.metric_id AND r.usage_start = r.period_start
 ORDER BY r.subscription_id, r.metric_id, r.period_start, r.usage_start

-- name: mark_pushed
-- The revision that was sent, never the one that is there now: a fold that came in
-- between leaves the row dirty, due since that fold, behind all that wait longer. Rows are
-- locked in the order in which a fold locks them.
WITH sent AS (
    SELECT * FROM unnest(
        %(subscription_ids)s::bigint[], %(metric_ids)s::integer[],
        %(period_starts)s::timestamptz[], %(usage_starts)s::timestamptz[],
        %(revisions)s::bigint[]
    ) AS s (subscription_id, metric_id, period_start, usage_start, revision)
),
locked AS MATERIALIZED (
    SELECT r.subscription_id, r.metric_id, r.period_start, r.usage_start,
           sent.revision
      FROM sent
      JOIN rollup r USING (subscription_id, metric_id, period_start, usage_start)
     ORDER BY r.subscription_id, r.metric_id, r.period_start, r.usage_start
       FOR NO KEY UPDATE OF r
)
UPDATE rollup r
   SET pushed_revision = greatest(r.pushed_revision, l.revision),
       push_attempts = 0, push_after = least(r.updated_at, %(now)s), push_error = NULL,
       push_revive_at = NULL
  FROM locked l
 WHERE r.subscription_id = l.subscription_id AND r.metric_id = l.metric_id
   AND r.period_start = l.period_start AND r.usage_start = l.usage_start

-- name: mark_refused
-- Odoo refused these rows: each waits longer from one attempt to the next. A dead one has
-- a revive_at: it is due then where its revision has changed, by now or later.
WITH refused AS (
    SELECT * FROM unnest(
        %(subscription_ids)s::bigint[], %(metric_ids)s::integer[],
        %(period_starts)s::timestamptz[], %(usage_starts)s::timestamptz[],
        %(revisions)s::bigint[], %(retry_at)s::timestamptz[],
        %(revive_at)s::timestamptz[], %(errors)s::text[]
    ) AS s (subscription_id, metric_id, period_start, usage_start, revision, retry_at,
            revive_at, error)
),
locked AS MATERIALIZED (
    SELECT r.subscription_id, r.metric_id, r.period_start, r.usage_start,
           f.retry_at, f.error, f.revive_at, r.revision > f.revision AS changed
      FROM refused f
      JOIN rollup r USING (subscription_id, metric_id, period_start, usage_start)
     ORDER BY r.subscription_id, r.metric_id, r.period_start, r.usage_start
       FOR NO KEY UPDATE OF r
)
UPDATE rollup r
   SET push_attempts = r.push_attempts + 1, push_error = l.error,
       push_after = CASE WHEN l.changed THEN least(l.retry_at, l.revive_at)
                         ELSE l.retry_at END,
       push_revive_at = CASE WHEN l.changed THEN NULL ELSE l.revive_at END
  FROM locked l
 WHERE r.subscription_id = l.subscription_id AND r.metric_id = l.metric_id
   AND r.period_start = l.period_start AND r.usage_start = l.usage_start

-- name: raise_revisions
-- Odoo holds a newer revision than the ledger has, which was restored from a backup: Odoo
-- would ignore the ledger's values until the ledger has come that far by itself.
WITH overtaken AS (
    SELECT * FROM unnest(
        %(subscription_ids)s::bigint[], %(metric_ids)s::integer[],
        %(period_starts)s::timestamptz[], %(usage_starts)s::timestamptz[],
        %(held)s::bigint[], %(retry_at)s::timestamptz[]
    ) AS s (subscription_id, metric_id, period_start, usage_start, held, retry_at)
),
locked AS MATERIALIZED (
    SELECT r.subscription_id, r.metric_id, r.period_start, r.usage_start,
           o.held, o.retry_at
      FROM overtaken o
      JOIN rollup r USING (subscription_id, metric_id, period_start, usage_start)
     WHERE r.revision < o.held
     ORDER BY r.subscription_id, r.metric_id, r.period_start, r.usage_start
       FOR NO KEY UPDATE OF r
)
UPDATE rollup r
   SET revision = l.held + 1, push_after = l.retry_at,
       push_attempts = r.push_attempts + 1,
       push_error = 'Odoo held revision ' || l.held || ', the ledger ' || r.revision
  FROM locked l
 WHERE r.subscription_id = l.subscription_id AND r.metric_id = l.metric_id
   AND r.period_start = l.period_start AND r.usage_start = l.usage_start

-- name: release_rollups
-- The call as a whole failed, through no fault of the rows: the lease ends at once.
WITH given AS (
    SELECT * FROM unnest(
        %(subscription_ids)s::bigint[], %(metric_ids)s::integer[],
        %(period_starts)s::timestamptz[], %(usage_starts)s::timestamptz[]
    ) AS s (subscription_id, metric_id, period_start, usage_start)
),
locked AS MATERIALIZED (
    SELECT r.subscription_id, r.metric_id, r.period_start, r.usage_start
      FROM given
      JOIN rollup r USING (subscription_id, metric_id, period_start, usage_start)
     WHERE r.push_after = %(lease_until)s
     ORDER BY r.subscription_id, r.metric_id, r.period_start, r.usage_start
       FOR NO KEY UPDATE OF r
)
UPDATE rollup r
   SET push_after = least(r.updated_at, %(now)s)
  FROM locked l
 WHERE r.subscription_id = l.subscription_id AND r.metric_id = l.metric_id
   AND r.period_start = l.period_start AND r.usage_start = l.usage_start

-- name: push_failed_before
SELECT error IS NOT NULL FROM odoo_sync WHERE kind = %(kind)s
