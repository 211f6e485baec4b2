-- What uses a metric or a plan, and so holds it. A subscription that has ended does so
-- until its last period is frozen: freeze_due_at is null when none will.

-- name: charges_of_metric
-- The plans that charge it, with their filters: those that are archived as well, as
-- long as a subscription has them, is billed by them, or is to change to them.
SELECT p.code, c.filters
  FROM metric m
  JOIN service s ON s.id = m.service_id
  JOIN charge c ON c.metric_id = m.id
  JOIN plan p ON p.id = c.plan_id
 WHERE s.code = %(service)s AND m.code = %(code)s
   AND (NOT p.archived
        OR EXISTS (SELECT FROM plan_change w WHERE w.plan_id = p.id)
        OR EXISTS (SELECT FROM plan_history h
                     JOIN subscription b ON b.id = h.subscription_id
                    WHERE h.plan_id = p.id
                      AND (b.ended_at IS NULL OR b.ended_at > %(now)s
                           OR b.freeze_due_at IS NOT NULL)))
 ORDER BY p.code

-- name: usage_of_metric
-- A row: something was counted by it.
SELECT 1
  FROM metric m
  JOIN service s ON s.id = m.service_id
  JOIN subscription b ON b.service_id = s.id
  JOIN rollup r ON r.subscription_id = b.id AND r.metric_id = m.id
 WHERE s.code = %(service)s AND m.code = %(code)s
 LIMIT 1

-- name: subscriptions_of_plan
-- A row: one that has not ended, or is still to be billed, has it, had it, or will
-- have it.
SELECT 1
  FROM plan p
  JOIN service s ON s.id = p.service_id
  JOIN (SELECT plan_id, subscription_id FROM plan_history
         UNION ALL
        SELECT plan_id, subscription_id FROM plan_change) h ON h.plan_id = p.id
  JOIN subscription b ON b.id = h.subscription_id
 WHERE s.code = %(service)s AND p.code = %(code)s
   AND (b.ended_at IS NULL OR b.ended_at > %(now)s OR b.freeze_due_at IS NOT NULL)
 LIMIT 1
