-- name: no_wait_for_disk
SET LOCAL synchronous_commit TO off

-- name: take_batch
-- First sight of a message or another delivery of it: counts the delivery, and says what
-- has become of the batch. Committed before the work, so that a message which ends its
-- worker is counted all the same.
INSERT INTO batch AS b (id, service_id, state, received, received_at, deliveries)
VALUES (%(batch_id)s, %(service_id)s, 'processing', %(received)s, %(received_at)s, 1)
ON CONFLICT (id) DO UPDATE
   SET deliveries = b.deliveries + 1,
       state = CASE b.state WHEN 'queued' THEN 'processing' ELSE b.state END
RETURNING b.state, b.deliveries

-- name: return_batch
-- The work failed through no fault of the message: this delivery does not count.
UPDATE batch
   SET deliveries = greatest(deliveries - 1, 0)
 WHERE id = %(batch_id)s AND state = 'processing'

-- name: lock_batch
-- Held to the end of the transaction: two deliveries of one batch go one by one.
SELECT state FROM batch WHERE id = %(batch_id)s FOR UPDATE

-- name: known_subscriptions
SELECT external_id, id, "interval", anchor, timezone, started_at, ended_at,
       frozen_until, changed_at, changed_to
  FROM subscription_terms
 WHERE service_id = %(service_id)s AND external_id = ANY(%(external_ids)s)

-- name: known_metrics
SELECT code, id, aggregation, field_name
  FROM metric
 WHERE service_id = %(service_id)s AND code = ANY(%(codes)s)

-- name: exclude_term_changes
-- Held to the end of the transaction: no subscription of the service gets other terms
-- between the look at them and the fold by them, and none of its periods freezes.
SELECT pg_advisory_xact_lock_shared(%(lock_space)s, %(service_id)s)

-- name: copy_counters
-- All of them, in key order, or none: a single one that is there already ends it. Half the
-- time that an INSERT takes, since nothing has to be looked up or answered.
COPY counter (subscription_id, metric_id, item_index, transaction_id, occurred_at,
              period_start, late_in, batch_id, value, members, properties)
FROM STDIN

-- name: insert_new_counters
-- What the primary key lets in is new. Identities are distinct and in key order. Answers
-- batch_id and item_index of each new counter.
INSERT INTO counter (subscription_id, metric_id, item_index, transaction_id,
                     occurred_at, period_start, late_in, batch_id, value, members,
                     properties)
SELECT i.subscription_id, i.metric_id, i.item_index, i.transaction_id,
       'epoch'::timestamptz + i.timestamp_us * interval '1 microsecond',
       i.usage_start, nullif(i.period_start, i.usage_start), i.batch_id, i.value,
       CASE WHEN i.members IS NOT NULL THEN
           ARRAY(SELECT jsonb_array_elements_text(i.members::jsonb))
       END,
       i.properties::jsonb
  FROM unnest(
           %(subscription_ids)s::bigint[], %(metric_ids)s::integer[],
           %(batch_ids)s::uuid[], %(item_indexes)s::integer[],
           %(transaction_ids)s::text[], %(timestamps_us)s::bigint[],
           %(period_starts)s::timestamptz[], %(usage_starts)s::timestamptz[],
           %(values)s::numeric[], %(members)s::text[], %(properties)s::text[]
       ) AS i (subscription_id, metric_id, batch_id, item_index, transaction_id,
               timestamp_us, period_start, usage_start, value, members, properties)
 ORDER BY i.subscription_id, i.metric_id, i.transaction_id COLLATE "C"
ON CONFLICT DO NOTHING
RETURNING batch_id, item_index

-- name: add_gains
-- What new counters add to their rollups; of a unique metric, as many members as are new
-- to its period. Late usage is added to the correction that was begun for it.
WITH new_member AS (
    INSERT INTO unique_member (subscription_id, metric_id, period_start, member)
    SELECT m.subscription_id, m.metric_id, m.usage_start, m.member COLLATE "C"
      FROM unnest(
               %(member_subscription_ids)s::bigint[], %(member_metric_ids)s::integer[],
               %(member_usage_starts)s::timestamptz[], %(members)s::text[]
           ) AS m (subscription_id, metric_id, usage_start, member)
     ORDER BY 1, 2, 3, 4
    ON CONFLICT DO NOTHING
    RETURNING subscription_id, metric_id, period_start AS usage_start
),
new_members AS (
    SELECT subscription_id, metric_id, usage_start, count(*) AS members
      FROM new_member
     GROUP BY subscription_id, metric_id, usage_start
)
INSERT INTO rollup AS r (subscription_id, metric_id, period_start, usage_start,
                         period_end, aggregation, quantity, counters, last_at,
                         last_transaction_id, updated_at, push_after)
SELECT subscription_id, metric_id, g.period_start, usage_start, g.period_end,
       g.aggregation, coalesce(g.quantity, n.members, 0), g.counters,
       'epoch'::timestamptz + g.last_at_us * interval '1 microsecond',
       g.last_transaction_id, %(now)s, %(now)s
  FROM unnest(
           %(subscription_ids)s::bigint[], %(metric_ids)s::integer[],
           %(period_starts)s::timestamptz[], %(usage_starts)s::timestamptz[],
           %(period_ends)s::timestamptz[], %(aggregations)s::text[],
           %(quantities)s::numeric[], %(counters)s::bigint[],
           %(last_at_us)s::bigint[], %(last_transaction_ids)s::text[]
       ) AS g (subscription_id, metric_id, period_start, usage_start, period_end,
               aggregation, quantity, counters, last_at_us, last_transaction_id)
  LEFT JOIN new_members n USING (subscription_id, metric_id, usage_start)
 ORDER BY subscription_id, metric_id, g.period_start, usage_start
ON CONFLICT (subscription_id, metric_id, period_start, usage_start) DO UPDATE
   SET quantity = CASE
           -- nothing was counted before: its quantity is nobody's value
           WHEN r.last_at IS NULL AND r.aggregation IN ('max', 'last')
           THEN excluded.quantity
           WHEN r.aggregation = 'max'
           THEN greatest(r.quantity, excluded.quantity)
           WHEN r.aggregation <> 'last' THEN r.quantity + excluded.quantity
           WHEN (excluded.last_at, excluded.last_transaction_id)
              > (r.last_at, r.last_transaction_id)
           THEN excluded.quantity ELSE r.quantity
       END,
       counters = r.counters + excluded.counters,
       last_at = greatest(r.last_at, excluded.last_at),
       last_transaction_id =
           CASE WHEN (r.last_at, r.last_transaction_id)
                   > (excluded.last_at, excluded.last_transaction_id)
                THEN r.last_transaction_id ELSE excluded.last_transaction_id END,
       period_end = excluded.period_end,
       revision = r.revision + 1,
       updated_at = excluded.updated_at,
       -- since when it has been due: rows are pushed in that order
       push_after = CASE WHEN r.revision = r.pushed_revision
                         THEN excluded.push_after ELSE r.push_after END

-- name: compare_stored
-- For identities that were there before: is what came now the same as what is stored?
-- One may be a number and the other a member: the metric's aggregation has changed. A
-- timestamp that the app did not give contradicts none.
SELECT i.batch_id, i.item_index,
       (NOT i.timestamp_given
        OR c.occurred_at
           = 'epoch'::timestamptz + i.timestamp_us * interval '1 microsecond')
       AND coalesce(c.properties, '{}') = coalesce(i.properties::jsonb, '{}')
       AND CASE WHEN (c.value IS NULL) = (i.value IS NULL)
                THEN c.value IS NOT DISTINCT FROM i.value::numeric
                     AND c.members IS NOT DISTINCT FROM m.members
                ELSE coalesce(counter_number(c.value, c.members)
                              = counter_number(i.value::numeric, m.members), false)
           END AS same
  FROM unnest(
           %(subscription_ids)s::bigint[], %(metric_ids)s::integer[],
           %(batch_ids)s::uuid[], %(item_indexes)s::integer[],
           %(transaction_ids)s::text[], %(timestamps_us)s::bigint[],
           %(values)s::text[], %(members)s::text[], %(properties)s::text[],
           %(timestamps_given)s::boolean[]
       ) AS i (subscription_id, metric_id, batch_id, item_index, transaction_id,
               timestamp_us, value, members, properties, timestamp_given)
 CROSS JOIN LATERAL (
     SELECT CASE WHEN i.members IS NOT NULL THEN
                ARRAY(SELECT jsonb_array_elements_text(i.members::jsonb))
            END AS members
 ) AS m
  JOIN counter c USING (subscription_id, metric_id, transaction_id)

-- name: insert_conflicts
INSERT INTO counter_conflict (service_id, batch_id, item_index,
                              external_subscription_id, code, transaction_id,
                              occurred_at, value, members, properties, seen_at)
SELECT %(service_id)s, i.batch_id, i.item_index, i.external_subscription_id, i.code,
       i.transaction_id,
       'epoch'::timestamptz + i.timestamp_us * interval '1 microsecond',
       i.value,
       CASE WHEN i.members IS NOT NULL THEN
           ARRAY(SELECT jsonb_array_elements_text(i.members::jsonb))
       END,
       i.properties::jsonb, %(now)s
  FROM unnest(
           %(batch_ids)s::uuid[], %(item_indexes)s::integer[],
           %(external_subscription_ids)s::text[], %(codes)s::text[],
           %(transaction_ids)s::text[], %(timestamps_us)s::bigint[],
           %(values)s::text[], %(members)s::text[], %(properties)s::text[]
       ) AS i (batch_id, item_index, external_subscription_id, code, transaction_id,
               timestamp_us, value, members, properties)
ON CONFLICT DO NOTHING

-- name: finish_batch
UPDATE batch
   SET state = 'done', applied = %(applied)s, duplicate = %(duplicate)s,
       conflict = %(conflict)s, rejected = %(rejected)s, parked = %(parked)s,
       finished_at = %(now)s, error = NULL
 WHERE id = %(batch_id)s

-- name: insert_outcomes
INSERT INTO batch_outcome (batch_id, outcomes, transaction_ids, reasons)
VALUES (%(batch_id)s, %(outcomes)s, %(transaction_ids)s, %(reasons)s)

-- name: bury_batch
UPDATE batch
   SET state = 'dead', finished_at = %(now)s, error = %(error)s
 WHERE id = %(batch_id)s AND state <> 'done'
