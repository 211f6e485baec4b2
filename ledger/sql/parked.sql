-- name: park_counters
-- Keeps the first of each identity; answers the item_index of each that was kept.
INSERT INTO parked_counter (service_id, external_subscription_id, code, transaction_id,
                            timestamp_us, value, members, batch_id, item_index,
                            reason, parked_at)
SELECT %(service_id)s, i.external_subscription_id, i.code, i.transaction_id,
       i.timestamp_us, i.value,
       CASE WHEN i.members IS NOT NULL THEN
           ARRAY(SELECT jsonb_array_elements_text(i.members::jsonb))
       END,
       %(batch_id)s, i.item_index, i.reason, %(now)s
  FROM unnest(
           %(external_subscription_ids)s::text[], %(codes)s::text[],
           %(transaction_ids)s::text[], %(timestamps_us)s::bigint[],
           %(values)s::text[], %(members)s::text[], %(item_indexes)s::integer[],
           %(reasons)s::text[]
       ) AS i (external_subscription_id, code, transaction_id, timestamp_us, value,
               members, item_index, reason)
 ORDER BY i.external_subscription_id COLLATE "C", i.code COLLATE "C",
          i.transaction_id COLLATE "C", i.item_index
ON CONFLICT DO NOTHING
RETURNING item_index

-- name: compare_parked
-- For identities that were parked before: is what came now the same? Whether the text
-- is a number is not known before the metric is; 1.5 and 1.50 are the same if it is.
SELECT i.item_index,
       p.timestamp_us = i.timestamp_us
       AND CASE WHEN p.value ~ '^-?[0-9]+([.][0-9]+)?$'
                 AND i.value ~ '^-?[0-9]+([.][0-9]+)?$'
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
           %(values)s::text[], %(members)s::text[], %(item_indexes)s::integer[]
       ) AS i (external_subscription_id, code, transaction_id, timestamp_us, value,
               members, item_index)
  JOIN parked_counter p
    ON p.service_id = %(service_id)s
   AND p.external_subscription_id = i.external_subscription_id
   AND p.code = i.code AND p.transaction_id = i.transaction_id

-- name: claim_ripe
-- Parked counters of one service whose subscription and metric are known by now, oldest
-- first, locked until the transaction ends.
SELECT p.item_index, p.transaction_id, p.external_subscription_id, p.code,
       p.timestamp_us, p.value, p.members, p.batch_id
  FROM parked_counter p
  JOIN subscription s ON s.service_id = p.service_id
                     AND s.external_id = p.external_subscription_id
  JOIN metric m ON m.service_id = p.service_id AND m.code = p.code
 WHERE p.service_id = %(service_id)s
 ORDER BY p.parked_at, p.batch_id, p.item_index
 LIMIT %(limit)s
   FOR UPDATE OF p SKIP LOCKED

-- name: unpark
DELETE FROM parked_counter p
 USING unnest(%(external_subscription_ids)s::text[], %(codes)s::text[],
              %(transaction_ids)s::text[])
       AS i (external_subscription_id, code, transaction_id)
 WHERE p.service_id = %(service_id)s
   AND p.external_subscription_id = i.external_subscription_id
   AND p.code = i.code AND p.transaction_id = i.transaction_id

-- name: services_with_parked
SELECT DISTINCT service_id FROM parked_counter ORDER BY service_id

-- name: lock_outcome
SELECT outcomes, reasons FROM batch_outcome WHERE batch_id = %(batch_id)s FOR UPDATE

-- name: update_outcome
UPDATE batch_outcome
   SET outcomes = %(outcomes)s, reasons = %(reasons)s
 WHERE batch_id = %(batch_id)s

-- name: recount_batch
UPDATE batch
   SET applied = %(applied)s, duplicate = %(duplicate)s, conflict = %(conflict)s,
       rejected = %(rejected)s, parked = %(parked)s
 WHERE id = %(batch_id)s
