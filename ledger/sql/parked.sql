-- name: park_counters
-- Keeps the first of each identity as they came; answers batch and index of each that was kept.
INSERT INTO parked_counter (service_id, external_subscription_id, code, transaction_id,
                            timestamp_us, timestamp_given, value, members,
                            properties, batch_id, item_index, reason, parked_at)
SELECT %(service_id)s, i.external_subscription_id, i.code, i.transaction_id,
       i.timestamp_us, i.timestamp_given, i.value,
       CASE WHEN i.members IS NOT NULL THEN
           ARRAY(SELECT jsonb_array_elements_text(i.members::jsonb))
       END,
       i.properties::jsonb, i.batch_id, i.item_index, i.reason, %(now)s
  FROM unnest(
           %(external_subscription_ids)s::text[], %(codes)s::text[],
           %(transaction_ids)s::text[], %(timestamps_us)s::bigint[],
           %(timestamps_given)s::boolean[], %(values)s::text[], %(members)s::text[],
           %(properties)s::text[], %(batch_ids)s::uuid[], %(item_indexes)s::integer[],
           %(reasons)s::text[]
       ) WITH ORDINALITY
         AS i (external_subscription_id, code, transaction_id, timestamp_us,
               timestamp_given, value, members, properties, batch_id, item_index,
               reason, place)
 ORDER BY i.external_subscription_id COLLATE "C", i.code COLLATE "C",
          i.transaction_id COLLATE "C", i.place
ON CONFLICT DO NOTHING
RETURNING batch_id, item_index

-- name: compare_parked
-- For identities that were parked before: is what came now the same? Whether the text
-- is a number is not known before the metric is; 1.5 and 1.50 are the same if it is.
SELECT i.batch_id, i.item_index,
       (NOT i.timestamp_given OR p.timestamp_us = i.timestamp_us)
       AND coalesce(p.properties, '{}') = coalesce(i.properties::jsonb, '{}')
       AND CASE WHEN p.value ~ '^-?[0-9]+([.][0-9]+)?$'
                 AND i.value ~ '^-?[0-9]+([.][0-9]+)?$'
                 AND m.aggregation IS DISTINCT FROM 'unique'
                THEN p.value::numeric = i.value::numeric
                ELSE p.value IS NOT DISTINCT FROM i.value
           END
       AND p.members IS NOT DISTINCT FROM
           CASE WHEN i.members IS NOT NULL THEN
               ARRAY(SELECT jsonb_array_elements_text(i.members::jsonb))
           END AS same
  FROM unnest(
           %(external_subscription_ids)s::text[], %(codes)s::text[],
           %(transaction_ids)s::text[], %(timestamps_us)s::bigint[],
           %(timestamps_given)s::boolean[], %(values)s::text[], %(members)s::text[],
           %(properties)s::text[], %(batch_ids)s::uuid[], %(item_indexes)s::integer[]
       ) AS i (external_subscription_id, code, transaction_id, timestamp_us,
               timestamp_given, value, members, properties, batch_id, item_index)
  JOIN parked_counter p
    ON p.service_id = %(service_id)s
   AND p.external_subscription_id = i.external_subscription_id
   AND p.code = i.code AND p.transaction_id = i.transaction_id
  LEFT JOIN metric m ON m.service_id = p.service_id AND m.code = p.code

-- name: claim_ripe
-- Parked counters of one service whose subscription and metric are known by now, oldest
-- first, locked until the transaction ends.
SELECT p.item_index, p.transaction_id, p.external_subscription_id, p.code,
       p.timestamp_us, p.value, p.members, p.properties::text, p.timestamp_given,
       p.batch_id
  FROM parked_counter p
  JOIN subscription s ON s.service_id = p.service_id
                     AND s.external_id = p.external_subscription_id
  JOIN metric m ON m.service_id = p.service_id AND m.code = p.code
 WHERE p.service_id = %(service_id)s
 ORDER BY p.parked_at, p.batch_id, p.item_index
 LIMIT %(limit)s
   FOR UPDATE OF p SKIP LOCKED

-- name: take_out
DELETE FROM parked_counter p
 USING unnest(%(external_subscription_ids)s::text[], %(codes)s::text[],
              %(transaction_ids)s::text[])
       AS i (external_subscription_id, code, transaction_id)
 WHERE p.service_id = %(service_id)s
   AND p.external_subscription_id = i.external_subscription_id
   AND p.code = i.code AND p.transaction_id = i.transaction_id

-- name: services_with_parked
-- One look into the index for each service, however many counters wait: min(), since
-- EXISTS may be planned as a join with all of them.
SELECT s.id FROM service s
 WHERE (SELECT min(p.parked_at) FROM parked_counter p
         WHERE p.service_id = s.id) IS NOT NULL
 ORDER BY s.id

-- name: services_with_expired
-- Likewise: who has counters that have waited since the instant, or longer.
SELECT s.id FROM service s
 WHERE (SELECT min(p.parked_at) FROM parked_counter p
         WHERE p.service_id = s.id) <= %(until)s
 ORDER BY s.id

-- name: claim_expired
-- Counters of one service that have waited since the instant or longer and still cannot
-- be applied, oldest first, locked until the transaction ends. Each is looked up in the
-- catalog by itself, in the index's order, so that a page reads little more than a page.
SELECT p.item_index, p.transaction_id, p.external_subscription_id, p.code,
       p.timestamp_us, p.value, p.members, p.properties::text, p.timestamp_given,
       p.batch_id, p.reason, p.parked_at
  FROM parked_counter p
 WHERE p.service_id = %(service_id)s AND p.parked_at <= %(until)s
   AND ((SELECT s.id FROM subscription s
          WHERE s.service_id = p.service_id
            AND s.external_id = p.external_subscription_id) IS NULL
        OR (SELECT m.id FROM metric m
             WHERE m.service_id = p.service_id AND m.code = p.code) IS NULL)
 ORDER BY p.parked_at, p.batch_id, p.item_index
 LIMIT %(limit)s
   FOR UPDATE OF p SKIP LOCKED

-- name: lock_outcomes
SELECT batch_id FROM batch_outcome
 WHERE batch_id = ANY(%(batch_ids)s)
 ORDER BY batch_id
   FOR UPDATE

-- name: change_outcomes
-- Other letters and reasons for some items of some batches; then their sums. Answers
-- each batch with its new sums.
WITH change AS (
    SELECT * FROM unnest(%(batch_ids)s::uuid[], %(item_indexes)s::integer[],
                         %(letters)s::text[], %(reasons)s::text[])
               AS c (batch_id, item_index, letter, reason)
),
receipt AS (
    SELECT o.batch_id,
           string_agg(coalesce(c.letter, l.letter), '' ORDER BY l.place) AS outcomes
      FROM batch_outcome o
     CROSS JOIN string_to_table(o.outcomes, NULL) WITH ORDINALITY AS l (letter, place)
      LEFT JOIN change c ON c.batch_id = o.batch_id AND c.item_index = l.place - 1
     WHERE o.batch_id IN (SELECT batch_id FROM change)
     GROUP BY o.batch_id
),
reason AS (
    SELECT batch_id, array_agg(item_index::text) AS changed,
           coalesce(jsonb_object_agg(item_index::text, reason)
                    FILTER (WHERE reason IS NOT NULL), '{}') AS reasons
      FROM change
     GROUP BY batch_id
),
changed AS (
    UPDATE batch_outcome o
       SET outcomes = receipt.outcomes,
           reasons = (o.reasons - reason.changed) || reason.reasons
      FROM receipt JOIN reason USING (batch_id)
     WHERE o.batch_id = receipt.batch_id
)
UPDATE batch b
   SET applied = length(n.o) - length(replace(n.o, 'a', '')),
       duplicate = length(n.o) - length(replace(n.o, 'd', '')),
       conflict = length(n.o) - length(replace(n.o, 'c', '')),
       rejected = length(n.o) - length(replace(n.o, 'r', '')),
       parked = length(n.o) - length(replace(n.o, 'p', ''))
  FROM (SELECT batch_id, outcomes AS o FROM receipt) AS n
 WHERE b.id = n.batch_id
RETURNING b.id, b.received, b.applied, b.duplicate, b.conflict, b.rejected, b.parked
