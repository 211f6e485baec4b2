-- What a pull writes. A row that is as it was writes nothing at all.

-- name: upsert_service
-- No row: it is as it was.
INSERT INTO service AS s (code, name, mode, odoo_id)
VALUES (%(code)s, %(name)s, %(mode)s, %(odoo_id)s)
ON CONFLICT (code) DO UPDATE
   SET name = excluded.name, mode = excluded.mode, odoo_id = excluded.odoo_id
 WHERE (s.name, s.mode, s.odoo_id) IS DISTINCT FROM
       (excluded.name, excluded.mode, excluded.odoo_id)
RETURNING id

-- name: services
SELECT id, code, name, mode FROM service ORDER BY code

-- name: upsert_customer
INSERT INTO customer AS c (service_id, external_id, name, email, odoo_id)
SELECT s.id, %(external_id)s, %(name)s, %(email)s, %(odoo_id)s
  FROM service s WHERE s.code = %(service)s
ON CONFLICT (service_id, external_id) DO UPDATE
   SET name = excluded.name, email = excluded.email, odoo_id = excluded.odoo_id,
       updated_at = now()
 WHERE (c.name, c.email, c.odoo_id) IS DISTINCT FROM
       (excluded.name, excluded.email, excluded.odoo_id)

-- name: upsert_subscription
-- Answers the plan's key; no row: its service, customer or plan is not known.
WITH named AS (
    SELECT s.id AS service_id, c.id AS customer_id, p.id AS plan_id
      FROM service s
      JOIN customer c ON c.service_id = s.id AND c.external_id = %(customer)s
      JOIN plan p ON p.service_id = s.id AND p.code = %(plan)s
     WHERE s.code = %(service)s
),
written AS (
    INSERT INTO subscription AS b (service_id, external_id, customer_id, plan_id,
                                   started_at, ended_at, timezone, anchor, odoo_id)
    SELECT service_id, %(external_id)s, customer_id, plan_id, %(started_at)s,
           %(ended_at)s, %(timezone)s, %(anchor)s, %(odoo_id)s
      FROM named
    ON CONFLICT (service_id, external_id) DO UPDATE
       SET customer_id = excluded.customer_id, plan_id = excluded.plan_id,
           started_at = excluded.started_at, ended_at = excluded.ended_at,
           timezone = excluded.timezone, anchor = excluded.anchor,
           odoo_id = coalesce(excluded.odoo_id, b.odoo_id), updated_at = now()
     WHERE (b.customer_id, b.plan_id, b.started_at, b.ended_at, b.timezone, b.anchor,
            b.odoo_id) IS DISTINCT FROM
           (excluded.customer_id, excluded.plan_id, excluded.started_at,
            excluded.ended_at, excluded.timezone, excluded.anchor,
            coalesce(excluded.odoo_id, b.odoo_id))
)
SELECT plan_id FROM named

-- name: subscription_differs
-- Whether anything but names would change; a row where it is new.
SELECT 1
  FROM service s
  JOIN customer c ON c.service_id = s.id AND c.external_id = %(customer)s
  JOIN plan p ON p.service_id = s.id AND p.code = %(plan)s
  LEFT JOIN subscription b ON b.service_id = s.id AND b.external_id = %(external_id)s
 WHERE s.code = %(service)s
   AND (b.plan_id, b.started_at, b.ended_at, b.timezone, b.anchor) IS DISTINCT FROM
       (p.id, %(started_at)s::timestamptz, %(ended_at)s::timestamptz, %(timezone)s,
        %(anchor)s)

-- name: forget_plans
-- One that has not begun yet has the plan that it has now, from its start on.
DELETE FROM plan_history h
 USING subscription b
  JOIN service s ON s.id = b.service_id
 WHERE h.subscription_id = b.id AND h.effective_at > '-infinity'
   AND s.code = %(service)s AND b.external_id = %(external_id)s
   AND b.started_at >= now() AND b.frozen_until IS NULL

-- name: note_plan
-- From when on it has its plan, if that is another than the last: from now on, in whole
-- seconds, as Odoo's instants are; but not in the middle of what is frozen.
WITH changed AS (
    SELECT b.id, b.plan_id,
           CASE WHEN last.effective_at IS NULL
                  OR (b.started_at >= now() AND b.frozen_until IS NULL)
                THEN '-infinity'
                ELSE greatest(coalesce(%(plan_from)s, date_trunc('second', now())),
                              b.frozen_until)
           END AS effective_at
      FROM subscription b
      JOIN service s ON s.id = b.service_id
      LEFT JOIN LATERAL (
          SELECT effective_at, plan_id FROM plan_history sp
           WHERE sp.subscription_id = b.id
           ORDER BY effective_at DESC LIMIT 1
      ) AS last ON true
     WHERE s.code = %(service)s AND b.external_id = %(external_id)s
       AND last.plan_id IS DISTINCT FROM b.plan_id
)
INSERT INTO plan_history (subscription_id, effective_at, plan_id)
SELECT id, effective_at, plan_id FROM changed
ON CONFLICT (subscription_id, effective_at) DO UPDATE SET plan_id = excluded.plan_id

-- name: forget_planned
DELETE FROM plan_change w
 USING subscription b
  JOIN service s ON s.id = b.service_id
 WHERE w.subscription_id = b.id
   AND s.code = %(service)s AND b.external_id = %(external_id)s

-- name: metric_aggregations
SELECT code, aggregation FROM metric WHERE service_id = %(service_id)s

-- name: mark_synced
INSERT INTO odoo_sync (kind, synced_at) VALUES (%(kind)s, %(now)s)
ON CONFLICT (kind) DO UPDATE SET synced_at = excluded.synced_at, error = NULL

-- name: mark_sync_failed
INSERT INTO odoo_sync (kind, failed_at, error) VALUES (%(kind)s, %(now)s, %(error)s)
ON CONFLICT (kind) DO UPDATE
   SET failed_at = excluded.failed_at, error = excluded.error
