-- name: find_repeats
-- Those whose identity is in the books with the same properties; there is no other value.
SELECT i.batch_id, i.item_index
  FROM unnest(
           %(batch_ids)s::uuid[], %(item_indexes)s::integer[],
           %(external_subscription_ids)s::text[], %(codes)s::text[],
           %(transaction_ids)s::text[], %(values)s::text[], %(members)s::text[],
           %(properties)s::text[]
       ) AS i (batch_id, item_index, external_subscription_id, code, transaction_id,
               value, members, properties)
  JOIN subscription b ON b.service_id = %(service_id)s
                     AND b.external_id = i.external_subscription_id
  JOIN metric m ON m.service_id = %(service_id)s AND m.code = i.code
  JOIN counter c ON c.subscription_id = b.id AND c.metric_id = m.id
                AND c.transaction_id = i.transaction_id
 WHERE i.value IS NULL AND i.members IS NULL
   AND coalesce(c.properties, '{}') = coalesce(i.properties::jsonb, '{}')
