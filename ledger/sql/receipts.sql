-- name: insert_queued
-- The worker may have been faster, or it comes later: whoever is first writes the row.
-- The commit of this transaction does not wait for the disk.
INSERT INTO batch (id, service_id, state, received, received_at)
SELECT %(batch_id)s, %(service_id)s, 'queued', %(received)s, %(received_at)s
  FROM set_config('synchronous_commit', 'off', true)
ON CONFLICT (id) DO NOTHING

-- name: receipt
SELECT id, state, received, applied, duplicate, conflict, rejected, parked
  FROM batch
 WHERE id = %(batch_id)s AND service_id = %(service_id)s

-- name: items
-- One page of a batch's items, from the letters of the outcomes in their order.
SELECT o.place - 1 AS index, o.transaction_id, o.letter,
       b.reasons ->> (o.place - 1)::text AS reason
  FROM batch_outcome b
 CROSS JOIN unnest(string_to_array(b.outcomes, NULL), b.transaction_ids)
       WITH ORDINALITY AS o (letter, transaction_id, place)
 WHERE b.batch_id = %(batch_id)s
   AND (%(letter)s::text IS NULL OR o.letter = %(letter)s)
 ORDER BY o.place
 LIMIT %(limit)s OFFSET %(offset)s
