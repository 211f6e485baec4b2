-- What fetch_events and mark_events run, and what a changed invoice tells.

-- name: pending_events
-- Of live services: an app hears nothing from the moment its service is in shadow.
SELECT w.id, w.key, s.code AS service, w.event, w.payload::text AS payload,
       w.create_date AS created_at
  FROM fusion_billing_webhook w
  JOIN fusion_billing_service s ON s.id = w.service_id
 WHERE w.state = 'pending' AND w.id > %(after_id)s AND s.mode = 'live'
 ORDER BY w.id
 LIMIT %(limit)s;

-- name: find_event
-- Held until the call ends.
SELECT id, state FROM fusion_billing_webhook WHERE key = %(key)s FOR UPDATE;

-- name: mark_event
UPDATE fusion_billing_webhook
   SET state = %(state)s, reason = %(reason)s,
       write_uid = %(uid)s, write_date = now() AT TIME ZONE 'UTC'
 WHERE id = %(id)s;

-- name: moves
-- Invoices of live services, with the subscriptions and the currency of their usage.
-- There are no taxes here, nor payments of a part.
SELECT m.id, m.name, m.move_type, m.state, m.payment_state, m.x_fc_period_start,
       m.x_fc_period_end, s.id AS service_id, c.name AS client, c.email,
       COALESCE(m.amount_untaxed, 0)::numeric::text AS total,
       (SELECT min(l.external_id)
          FROM fusion_billing_account_link l
         WHERE l.service_id = s.id AND l.partner_id = m.x_fc_client_id) AS customer,
       (SELECT min(u.currency)
          FROM account_move_line l
          JOIN fusion_billing_usage u ON u.id = l.x_fc_usage_id
         WHERE l.move_id = m.id) AS currency,
       ARRAY(SELECT DISTINCT ARRAY[o.x_fc_external_id, p.plan_code]::text[]
               FROM account_move_line l
               JOIN fusion_billing_usage u ON u.id = l.x_fc_usage_id
               JOIN sale_order o ON o.id = u.subscription_id
               LEFT JOIN fusion_billing_plan p ON p.id = o.x_fc_plan_id
              WHERE l.move_id = m.id
              ORDER BY 1) AS subscriptions,
       now() AT TIME ZONE 'UTC' AS updated_at
  FROM account_move m
  JOIN fusion_billing_service s ON s.id = m.x_fc_service_id AND s.mode = 'live'
  LEFT JOIN res_partner c ON c.id = m.x_fc_client_id
 WHERE m.id = ANY(%(ids)s)
 ORDER BY m.id;

-- name: insert_event
INSERT INTO fusion_billing_webhook
       (service_id, key, event, payload, state,
        create_uid, create_date, write_uid, write_date)
VALUES (%(service_id)s, %(key)s, %(event)s, %(payload)s, 'pending',
        %(uid)s, now() AT TIME ZONE 'UTC', %(uid)s, now() AT TIME ZONE 'UTC');
