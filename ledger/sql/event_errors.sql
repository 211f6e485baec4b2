-- Rejected counters that are still to be told of, by kind.

-- name: note_errors
-- In key order, and last in a fold: two of them wait for each other, never in a circle.
INSERT INTO event_error AS e (service_id, external_subscription_id, code, reason,
                              counters, transaction_ids, first_at)
SELECT %(service_id)s, n.external_subscription_id COLLATE "C", n.code COLLATE "C",
       n.reason COLLATE "C", n.counters,
       ARRAY(SELECT jsonb_array_elements_text(n.transaction_ids::jsonb)), %(now)s
  FROM unnest(%(external_subscription_ids)s::text[], %(codes)s::text[],
              %(reasons)s::text[], %(counters)s::bigint[],
              %(transaction_ids)s::text[])
       AS n (external_subscription_id, code, reason, counters, transaction_ids)
 ORDER BY 2, 3, 4
ON CONFLICT (service_id, external_subscription_id, code, reason) DO UPDATE
   SET counters = e.counters + excluded.counters,
       transaction_ids =
           (e.transaction_ids || excluded.transaction_ids)[1:%(kept)s::integer]

-- name: take_errors
-- What was rejected since the last report, which is told of now and no more.
WITH taken AS (
    DELETE FROM event_error WHERE service_id = %(service_id)s RETURNING *
)
SELECT external_subscription_id, code, reason, counters, transaction_ids
  FROM taken
 ORDER BY counters DESC, external_subscription_id, code, reason
