-- name: read_parts
-- The usage of each line, apart by the filters and groups of its charge, as it stands for
-- the bill of a period: by the counters that had come by then, without those that had
-- been taken back. The filter is chosen as ledger.charge.Charge.place_of says; of a
-- unique metric a member counts where its latest counter does not remove it. The
-- joins are FULL ones because PostgreSQL, which guesses that there are few parts, can then
-- not compare each with each; what has no other side makes no difference.
WITH line AS MATERIALIZED (
    SELECT l.subscription_id, l.metric_id, l.period_start, l.usage_start, l.aggregation,
           l.terms, l.number,
           ARRAY(SELECT DISTINCT k.key
                   FROM (SELECT jsonb_array_elements_text(l.terms -> 'group_keys')
                          UNION ALL
                         SELECT jsonb_array_elements_text(f -> 'group_keys')
                           FROM jsonb_array_elements(l.terms -> 'filters') AS f
                          UNION ALL
                         SELECT jsonb_object_keys(f -> 'values')
                           FROM jsonb_array_elements(l.terms -> 'filters') AS f
                        ) AS k (key)) AS keys
      FROM unnest(%(subscription_ids)s::bigint[], %(metric_ids)s::integer[],
                  %(period_starts)s::timestamptz[], %(usage_starts)s::timestamptz[],
                  %(aggregations)s::text[], %(terms)s::jsonb[])
           WITH ORDINALITY
        AS l (subscription_id, metric_id, period_start, usage_start, aggregation, terms,
              number)
),
present AS MATERIALIZED (
    SELECT l.number, l.aggregation,
           CASE cardinality(l.keys)  -- the same for any number, and slower
               WHEN 1 THEN ARRAY[c.properties ->> l.keys[1]]
               WHEN 2 THEN ARRAY[c.properties ->> l.keys[1], c.properties ->> l.keys[2]]
               ELSE ARRAY(SELECT c.properties ->> key FROM unnest(l.keys) AS key)
           END AS dimensions,
           c.occurred_at, c.transaction_id, c.value, c.members,
           counter_number(c.value, c.members) AS amount,
           removes_members(c.properties) AS removes
      FROM line l
     CROSS JOIN LATERAL (
         SELECT * FROM counter_life
          WHERE subscription_id = l.subscription_id AND metric_id = l.metric_id
            AND period_start = l.usage_start AND properties IS NOT NULL
          UNION ALL
         SELECT * FROM counter_life
          WHERE subscription_id = l.subscription_id AND metric_id = l.metric_id
            AND period_start = l.usage_start AND properties IS NULL
            -- all of the subscription's are read for these: only where there are any
            AND (SELECT coalesce(sum(counters), 0) FROM rollup r
                  WHERE r.subscription_id = l.subscription_id
                    AND r.metric_id = l.metric_id AND r.usage_start = l.usage_start)
                > (SELECT count(*) FROM counter n
                    WHERE n.subscription_id = l.subscription_id
                      AND n.metric_id = l.metric_id AND n.period_start = l.usage_start
                      AND n.properties IS NOT NULL)
     ) AS c
     WHERE c.entered <= l.period_start
       AND (c.left_in IS NULL OR c.left_in > l.period_start)
),
folded AS MATERIALIZED (
    SELECT number, dimensions, aggregation, count(*) AS events, sum(amount) AS total,
           max(amount) AS greatest, max(occurred_at) AS last_at
      FROM present
     GROUP BY number, dimensions, aggregation
),
part AS MATERIALIZED (
    SELECT d.*, coalesce(f.place, -1) AS place, g.values
      FROM folded d
      JOIN line l USING (number)
     CROSS JOIN LATERAL (
         SELECT CASE WHEN cardinality(l.keys) > 0
                     THEN jsonb_object(l.keys, d.dimensions) ELSE '{}' END AS properties
     ) AS o
      LEFT JOIN LATERAL (
          SELECT e.filter, e.place - 1 AS place
            FROM jsonb_array_elements(l.terms -> 'filters') WITH ORDINALITY
                 AS e (filter, place)
           WHERE NOT EXISTS (
               SELECT FROM jsonb_each(e.filter -> 'values') AS v (key, allowed)
                WHERE NOT coalesce(v.allowed ? (o.properties ->> v.key), false))
           ORDER BY (SELECT count(*) FROM jsonb_object_keys(e.filter -> 'values')) DESC,
                    e.place
           LIMIT 1
      ) AS f ON true
     CROSS JOIN LATERAL (
         SELECT coalesce(jsonb_agg(o.properties -> k.key ORDER BY k.place), '[]')
                    AS values
           FROM jsonb_array_elements_text(coalesce(f.filter, l.terms) -> 'group_keys')
                WITH ORDINALITY AS k (key, place)
     ) AS g
),
counted AS (
    SELECT number, place, values, aggregation, sum(events)::bigint AS events,
           sum(total) AS total, max(greatest) AS greatest
      FROM part
     GROUP BY number, place, values, aggregation
),
latest AS (
    SELECT DISTINCT ON (t.number, t.place, t.values) t.number, t.place, t.values,
           p.amount
      FROM (SELECT * FROM present WHERE aggregation = 'last') AS p
      FULL JOIN part t ON t.number = p.number AND t.dimensions = p.dimensions
                      AND t.last_at = p.occurred_at
     WHERE coalesce(t.number, 0) > 0
     ORDER BY t.number, t.place, t.values, p.occurred_at DESC, p.transaction_id DESC
),
member AS (
    SELECT DISTINCT ON (t.number, t.place, t.values, u.member COLLATE "C")
           t.number, t.place, t.values, p.removes
      FROM (SELECT * FROM present WHERE aggregation = 'unique') AS p
      FULL JOIN part t ON t.number = p.number AND t.dimensions = p.dimensions
     CROSS JOIN unnest(counter_members(p.value, p.members)) AS u (member)
     ORDER BY t.number, t.place, t.values, u.member COLLATE "C", p.occurred_at DESC,
              p.transaction_id DESC
),
members AS (
    SELECT number, place, values, count(*) FILTER (WHERE NOT removes) AS members
      FROM member
     GROUP BY number, place, values
)
SELECT number - 1, nullif(place, -1), values,
       coalesce(CASE c.aggregation
                    WHEN 'sum' THEN c.total
                    WHEN 'max' THEN c.greatest
                    WHEN 'last' THEN l.amount
                    WHEN 'count' THEN c.events
                    ELSE m.members
                END, 0),
       c.events
  FROM counted c
  FULL JOIN latest l USING (number, place, values)
  FULL JOIN members m USING (number, place, values)
