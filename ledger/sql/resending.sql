-- Odoo is an older state of itself, or another: what it was sent is sent once more.

-- name: send_rollups_again
-- A page by rising key. A revision more, and not less of pushed_revision: a call that was
-- under way to the Odoo of before marks the revision that it sent, and no more; and a
-- correction that Odoo has had once is not taken for one that it never had. One that
-- waits already keeps its turn.
WITH page AS MATERIALIZED (
    SELECT subscription_id, metric_id, period_start, usage_start
      FROM rollup
     WHERE (subscription_id, metric_id, period_start, usage_start) >
           (%(subscription_id)s, %(metric_id)s, %(period_start)s, %(usage_start)s)
     ORDER BY subscription_id, metric_id, period_start, usage_start
     LIMIT %(limit)s
       FOR NO KEY UPDATE
)
UPDATE rollup r
   SET revision = r.revision + 1,
       push_after = CASE WHEN r.dirty THEN r.push_after ELSE %(now)s END
  FROM page p
 WHERE r.subscription_id = p.subscription_id AND r.metric_id = p.metric_id
   AND r.period_start = p.period_start AND r.usage_start = p.usage_start
RETURNING r.subscription_id, r.metric_id, r.period_start, r.usage_start

-- name: send_changes_again
-- All that the ledger has of a record that an app made or changed. By the revision that
-- was taken: an Odoo that has it still takes nothing, and keeps what a person changed
-- there since. One that was not taken gets another, so that a call under way for it does
-- not end this one. Of a customer's contact what an app said; the rest is Odoo's.
UPDATE local_change l
   SET revision = l.revision + CASE WHEN l.unsent = '{}' THEN 0 ELSE 1 END,
       unsent = ARRAY(SELECT DISTINCT unnest(l.unsent || f.fields) ORDER BY 1),
       attempts = 0, due_at = %(now)s, error = NULL
  FROM (SELECT 'customer' AS kind, id,
               ARRAY['name', 'email'] || ARRAY(SELECT jsonb_object_keys(contact))
               AS fields
          FROM customer
         UNION ALL
        SELECT 'subscription', id, %(subscription_fields)s::text[] FROM subscription
         UNION ALL
        SELECT 'metric', id, %(metric_fields)s::text[] FROM metric
         UNION ALL
        SELECT 'plan', id, %(plan_fields)s::text[] FROM plan
       ) AS f
 WHERE l.kind = f.kind AND l.record_id = f.id

-- name: bill_again
-- Bills whose invoice Odoo has no more: not by its id, or another one by it, or without a
-- line of the subscription. A cancelled one is there. One that was seen to be deleted
-- before "seen_at", when Odoo was still what it was, was deleted by a person. Odoo makes
-- no second invoice of what it has after all.
UPDATE period_bill k
   SET status = 'due', invoice_id = NULL, closed_at = NULL, attempts = 0,
       reason = 'Odoo was restored without its invoice ' || k.invoice_id,
       due_at = %(now)s, waits_since = %(now)s, lease_until = NULL,
       tried_revisions = NULL
  FROM subscription b
 WHERE b.id = k.subscription_id AND k.invoice_id IS NOT NULL
   AND NOT EXISTS (
       SELECT FROM invoice i
        WHERE i.odoo_id = k.invoice_id
          AND (i.deleted_in_odoo_at < %(seen_at)s
               OR i.deleted_in_odoo_at IS NULL
                  AND i.service_id = b.service_id
                  AND (i.period_start, i.period_end) = (k.period_start, k.period_end)
                  AND i.lines @> jsonb_build_array(
                          jsonb_build_object('subscription', b.external_id))))
