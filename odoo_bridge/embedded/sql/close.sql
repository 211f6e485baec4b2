-- What close_period runs. A row that another transaction made in the meantime is a
-- serialization error (repeatable read), upon which the whole call is tried again.

-- name: service_mode
SELECT mode FROM fusion_billing_service WHERE id = %(service_id)s;

-- name: find_orders
-- Which of the named subscriptions are the client's.
SELECT x_fc_external_id AS name
  FROM sale_order
 WHERE x_fc_service_id = %(service_id)s AND partner_id = %(partner_id)s
   AND x_fc_external_id = ANY(%(names)s);

-- name: find_usage
-- The client's usage of a service and period that has an amount, of the subscriptions
-- that are named or of all: own rows first, then corrections. "billed_on": the invoice,
-- not cancelled, whose line bills it. The stand-in's orders have no currency: their
-- plan's stands for it.
SELECT u.id, u.state, u.amount, u.currency, u.quantity, u.included, u.overage,
       u.working, u.period_start, u.period_end, u.correction_of, m.name AS metric, m.unit,
       o.name AS order_name, o.x_fc_external_id AS subscription,
       o.x_fc_timezone AS timezone, p.currency AS order_currency,
       (SELECT v.id
          FROM account_move_line l
          JOIN account_move v ON v.id = l.move_id
         WHERE l.x_fc_usage_id = u.id AND v.state <> 'cancel') AS billed_on
  FROM fusion_billing_usage u
  JOIN fusion_billing_metric m ON m.id = u.metric_id
  JOIN sale_order o ON o.id = u.subscription_id
  LEFT JOIN fusion_billing_plan p ON p.id = o.x_fc_plan_id
 WHERE u.service_id = %(service_id)s
   AND o.partner_id = %(partner_id)s
   AND u.period_start = %(period_start)s
   AND u.period_end = %(period_end)s
   AND u.amount IS NOT NULL
   AND (%(names)s::text[] IS NULL OR o.x_fc_external_id = ANY(%(names)s))
 ORDER BY u.correction_of IS NOT NULL, o.id, m.code, u.id;

-- name: find_move
-- The period's invoice, held until the call ends.
SELECT id, name, state, move_type
  FROM account_move
 WHERE x_fc_service_id = %(service_id)s
   AND x_fc_client_id = %(partner_id)s
   AND x_fc_period_start = %(period_start)s
   AND x_fc_period_end = %(period_end)s
   AND state <> 'cancel'
   FOR UPDATE;

-- name: create_move
-- The conflict can only be with an invoice that this snapshot does not see yet.
INSERT INTO account_move
       (move_type, state, partner_id, invoice_origin, x_fc_service_id, x_fc_client_id,
        x_fc_period_start, x_fc_period_end,
        create_uid, create_date, write_uid, write_date)
VALUES (%(move_type)s, 'draft', %(partner_id)s, %(origin)s, %(service_id)s,
        %(partner_id)s, %(period_start)s, %(period_end)s,
        %(uid)s, now() AT TIME ZONE 'UTC', %(uid)s, now() AT TIME ZONE 'UTC')
ON CONFLICT (x_fc_service_id, x_fc_client_id, x_fc_period_start, x_fc_period_end)
      WHERE x_fc_service_id IS NOT NULL AND state <> 'cancel' DO NOTHING
RETURNING id;

-- name: create_line
INSERT INTO account_move_line
       (move_id, name, quantity, price_unit, x_fc_usage_id,
        create_uid, create_date, write_uid, write_date)
VALUES (%(move_id)s, %(name)s, 1, %(price_unit)s, %(usage_id)s,
        %(uid)s, now() AT TIME ZONE 'UTC', %(uid)s, now() AT TIME ZONE 'UTC');

-- name: add_up_move
UPDATE account_move
   SET amount_untaxed = (SELECT sum(price_unit::numeric)
                           FROM account_move_line
                          WHERE move_id = %(move_id)s),
       write_uid = %(uid)s, write_date = now() AT TIME ZONE 'UTC'
 WHERE id = %(move_id)s;
