-- name: with_removals
-- Those of the rollups whose period of usage has a counter that takes members back, in
-- the words of the index.
SELECT l.subscription_id, l.metric_id, l.period_start, l.usage_start
  FROM unnest(%(subscription_ids)s::bigint[], %(metric_ids)s::integer[],
              %(period_starts)s::timestamptz[], %(usage_starts)s::timestamptz[])
       AS l (subscription_id, metric_id, period_start, usage_start)
 WHERE EXISTS (SELECT FROM counter c
                WHERE c.subscription_id = l.subscription_id
                  AND c.metric_id = l.metric_id AND c.period_start = l.usage_start
                  AND c.properties ->> 'operation_type' = 'remove')
 ORDER BY 1, 2, 3, 4

-- name: settle_members
-- Of one period, each of these members is one when its latest counter does not remove it.
-- "IS TRUE" makes PostgreSQL look each counter's members up in a hash, whatever it guesses
-- their number to be.
WITH latest AS MATERIALIZED (
    SELECT DISTINCT ON (u.member COLLATE "C")
           u.member COLLATE "C" AS member, removes_members(c.properties) AS removed
      FROM counter c
     CROSS JOIN unnest(counter_members(c.value, c.members)) AS u (member)
     WHERE c.subscription_id = %(subscription_id)s AND c.metric_id = %(metric_id)s
       AND c.period_start = %(usage_start)s
       AND (u.member IN (SELECT unnest(%(members)s::text[]))) IS TRUE
     ORDER BY u.member COLLATE "C", c.occurred_at DESC, c.transaction_id DESC
),
dropped AS (
    DELETE FROM unique_member m
     USING latest l
     WHERE m.subscription_id = %(subscription_id)s AND m.metric_id = %(metric_id)s
       AND m.period_start = %(usage_start)s AND m.member = l.member AND l.removed
)
INSERT INTO unique_member (subscription_id, metric_id, period_start, member)
SELECT %(subscription_id)s, %(metric_id)s, %(usage_start)s, member
  FROM latest
 WHERE NOT removed
 ORDER BY member
ON CONFLICT DO NOTHING

-- name: count_members
-- Its own transaction has raised the revision already.
UPDATE rollup r
   SET quantity = (SELECT count(*) FROM unique_member u
                    WHERE u.subscription_id = r.subscription_id
                      AND u.metric_id = r.metric_id
                      AND u.period_start = r.usage_start)
 WHERE r.subscription_id = %(subscription_id)s AND r.metric_id = %(metric_id)s
   AND r.period_start = %(period_start)s AND r.usage_start = %(usage_start)s
