-- Rollups that Odoo refuses over and over: their dead letters.

-- name: clear_letters
-- They went through after all.
DELETE FROM dead_letter WHERE kind = 'odoo_row' AND source_id = ANY(%(source_ids)s)

-- name: put_back_rows
-- Due at once. One that is not waiting for its day is on its way already; one in a call
-- keeps its lease.
WITH given AS (
    SELECT split_part(source_id, '/', 1)::bigint AS subscription_id,
           split_part(source_id, '/', 2)::integer AS metric_id,
           split_part(source_id, '/', 3)::timestamptz AS period_start,
           split_part(source_id, '/', 4)::timestamptz AS usage_start
      FROM dead_letter
     WHERE kind = 'odoo_row' AND id = ANY(%(letter_ids)s)
),
locked AS MATERIALIZED (
    SELECT r.subscription_id, r.metric_id, r.period_start, r.usage_start
      FROM given
      JOIN rollup r USING (subscription_id, metric_id, period_start, usage_start)
     WHERE r.dirty AND r.push_revive_at IS NOT NULL
     ORDER BY r.subscription_id, r.metric_id, r.period_start, r.usage_start
       FOR NO KEY UPDATE OF r
)
UPDATE rollup r
   SET push_after = %(now)s, push_revive_at = NULL
  FROM locked l
 WHERE r.subscription_id = l.subscription_id AND r.metric_id = l.metric_id
   AND r.period_start = l.period_start AND r.usage_start = l.usage_start

-- name: drop_letters_of_nothing
-- A correction that came to nothing before Odoo ever took it is there no more.
DELETE FROM dead_letter d
 WHERE d.kind = 'odoo_row' AND d.id = ANY(%(letter_ids)s)
   AND NOT EXISTS (
           SELECT FROM rollup r
            WHERE r.subscription_id = split_part(d.source_id, '/', 1)::bigint
              AND r.metric_id = split_part(d.source_id, '/', 2)::integer
              AND r.period_start = split_part(d.source_id, '/', 3)::timestamptz
              AND r.usage_start = split_part(d.source_id, '/', 4)::timestamptz)
