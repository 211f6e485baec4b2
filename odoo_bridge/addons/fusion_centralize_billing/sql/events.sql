-- Lifecycle events: how things stand, whom they concern, and what is told of them.
-- Amounts are read as text: Odoo's cursor would make doubles of them.

-- name: insert_events
-- In the order given, which is that of their ids. A key is told once.
INSERT INTO fusion_billing_webhook
       (service_id, key, event, payload, state, reason,
        create_uid, create_date, write_uid, write_date)
SELECT (e->>'service_id')::int4, e->>'key', e->>'event', e->'payload', e->>'state',
       e->>'reason',
       %(uid)s, now() AT TIME ZONE 'UTC', %(uid)s, now() AT TIME ZONE 'UTC'
  FROM jsonb_array_elements(%(events)s::jsonb) WITH ORDINALITY AS given(e, place)
 ORDER BY place
    ON CONFLICT (key) DO NOTHING;

-- name: seen_moves
SELECT id, move_type, state, payment_state, posted_before,
       amount_total::text AS total, amount_residual::text AS due
  FROM account_move
 WHERE id IN %(ids)s AND move_type IN %(types)s;

-- name: moves
-- A payload's own values. "overdue": its day is over where the company is.
SELECT m.id, m.name, m.move_type, m.state, m.payment_state, m.invoice_date,
       m.invoice_date_due, m.reversed_entry_id, r.name AS reversed_name,
       COALESCE(m.x_fc_period_start, r.x_fc_period_start) AS x_fc_period_start,
       COALESCE(m.x_fc_period_end, r.x_fc_period_end) AS x_fc_period_end,
       c.name AS currency, c.decimal_places AS places,
       m.amount_untaxed::text AS untaxed, m.amount_tax::text AS tax,
       m.amount_total::text AS total, m.amount_residual::text AS due,
       m.invoice_date_due < (%(now)s::timestamp AT TIME ZONE 'UTC'
                             AT TIME ZONE COALESCE(p.tz, 'UTC'))::date AS overdue
  FROM account_move m
  JOIN res_currency c ON c.id = m.currency_id
  JOIN res_company o ON o.id = m.company_id
  JOIN res_partner p ON p.id = o.partner_id
  LEFT JOIN account_move r ON r.id = m.reversed_entry_id
 WHERE m.id IN %(ids)s;

-- name: move_parts
-- The live services that moves bill, and the subscriptions, each once: by a row of
-- usage, by the line of an order, or, with order 0, by the move's own service. A credit
-- note has those of the invoice that it reverses as well.
WITH source AS (
    SELECT id AS move_id, id AS source_id FROM account_move WHERE id IN %(ids)s
     UNION
    SELECT id, reversed_entry_id FROM account_move
     WHERE id IN %(ids)s AND reversed_entry_id IS NOT NULL
),
part AS (
    SELECT s.move_id, m.x_fc_service_id AS service_id, NULL::int4 AS order_id
      FROM source s
      JOIN account_move m ON m.id = s.source_id
     WHERE m.x_fc_service_id IS NOT NULL
     UNION
    SELECT s.move_id, u.service_id, u.subscription_id
      FROM source s
      JOIN account_move_line l ON l.move_id = s.source_id
      JOIN fusion_billing_usage u ON u.id = l.x_fc_usage_id
     UNION
    SELECT s.move_id, o.x_fc_service_id, o.id
      FROM source s
      JOIN account_move_line l ON l.move_id = s.source_id
      JOIN sale_order_line_invoice_rel i ON i.invoice_line_id = l.id
      JOIN sale_order_line n ON n.id = i.order_line_id
      JOIN sale_order o ON o.id = n.order_id
     WHERE o.x_fc_service_id IS NOT NULL
)
SELECT p.move_id, p.service_id, COALESCE(p.order_id, 0) AS order_id,
       o.x_fc_external_id AS subscription, n.plan_code,
       k.external_id AS customer, c.name AS customer_name, c.email AS customer_email
  FROM part p
  JOIN fusion_billing_service v ON v.id = p.service_id AND v.mode = 'live'
  JOIN account_move m ON m.id = p.move_id
  LEFT JOIN sale_order o ON o.id = p.order_id
  LEFT JOIN fusion_billing_plan n ON n.id = o.x_fc_plan_id
  LEFT JOIN LATERAL (
       SELECT l.external_id, l.partner_id
         FROM fusion_billing_account_link l
        WHERE l.id = o.x_fc_account_link_id
           OR (o.x_fc_account_link_id IS NULL AND l.service_id = p.service_id
               AND l.partner_id IN (m.x_fc_client_id, m.partner_id,
                                    m.commercial_partner_id))
        ORDER BY l.id
        LIMIT 1) k ON true
  LEFT JOIN res_partner c ON c.id = COALESCE(k.partner_id, m.partner_id);

-- name: overdue_moves
-- Invoices of live services that are not paid although their day is over where their
-- company is, and of which that has not been told for that day. Held until the end.
SELECT m.id, m.invoice_date_due
  FROM account_move m
  JOIN res_company o ON o.id = m.company_id
  JOIN res_partner p ON p.id = o.partner_id
 WHERE m.move_type = 'out_invoice'
   AND m.state = 'posted'
   AND m.payment_state IN ('not_paid', 'partial')
   AND m.invoice_date_due < (%(now)s::timestamp AT TIME ZONE 'UTC'
                             AT TIME ZONE COALESCE(p.tz, 'UTC'))::date
   AND m.x_fc_overdue_told IS DISTINCT FROM m.invoice_date_due
   AND (EXISTS (SELECT
                  FROM fusion_billing_service v
                 WHERE v.id = m.x_fc_service_id AND v.mode = 'live')
        OR EXISTS (SELECT
                     FROM account_move_line l
                     JOIN sale_order_line_invoice_rel i ON i.invoice_line_id = l.id
                     JOIN sale_order_line n ON n.id = i.order_line_id
                     JOIN sale_order s ON s.id = n.order_id
                     JOIN fusion_billing_service v ON v.id = s.x_fc_service_id
                    WHERE l.move_id = m.id AND v.mode = 'live'))
 ORDER BY m.id
 LIMIT %(limit)s
   FOR UPDATE OF m;

-- name: mark_overdue
UPDATE account_move SET x_fc_overdue_told = invoice_date_due WHERE id IN %(ids)s;

-- name: orders
-- Subscriptions, and how they stand.
SELECT o.id, o.state, o.x_fc_closed, o.x_fc_external_id, k.external_id AS customer,
       n.plan_code, o.x_fc_started_at, o.x_fc_ended_at, o.x_fc_timezone, o.x_fc_anchor,
       o.partner_id, v.id AS service_id, v.mode
  FROM sale_order o
  JOIN fusion_billing_service v ON v.id = o.x_fc_service_id
  LEFT JOIN fusion_billing_plan n ON n.id = o.x_fc_plan_id
  LEFT JOIN fusion_billing_account_link k ON k.id = o.x_fc_account_link_id
 WHERE o.id IN %(ids)s AND o.x_fc_external_id IS NOT NULL;

-- name: ended_orders
-- Subscriptions whose end has come without anybody touching them. Held until the end.
SELECT o.id
  FROM sale_order o
 WHERE o.x_fc_service_id IS NOT NULL
   AND o.x_fc_external_id IS NOT NULL
   AND o.x_fc_ended_at <= %(now)s
   AND o.x_fc_closed IS NOT TRUE
 ORDER BY o.id
 LIMIT %(limit)s
   FOR UPDATE;

-- name: mark_closed
UPDATE sale_order SET x_fc_closed = %(closed)s WHERE id IN %(ids)s;

-- name: clients
-- Clients with account links, a row per link.
SELECT p.id, l.id AS link_id, l.external_id, v.id AS service_id, v.mode, p.name,
       p.email, p.phone, p.street, p.street2, p.city, p.zip, s.code AS state,
       c.code AS country, p.vat, p.lang, p.is_company
  FROM fusion_billing_account_link l
  JOIN res_partner p ON p.id = l.partner_id
  JOIN fusion_billing_service v ON v.id = l.service_id
  LEFT JOIN res_country_state s ON s.id = p.state_id
  LEFT JOIN res_country c ON c.id = p.country_id
 WHERE p.id IN %(ids)s
 ORDER BY p.id, l.id;

-- name: pending_events
-- Of live services: an app hears nothing from the moment its service is in shadow.
SELECT w.id, w.key, v.code AS service, w.event, w.payload::text AS payload,
       w.create_date AS created_at
  FROM fusion_billing_webhook w
  JOIN fusion_billing_service v ON v.id = w.service_id
 WHERE w.state = 'pending'
   AND w.id > %(after_id)s
   AND v.mode = 'live'
   AND v.company_id = ANY(%(company_ids)s)
 ORDER BY w.id
 LIMIT %(limit)s;
