-- What export_catalog runs for invoices. There are no taxes, and a paid one is paid in
-- full. Its currency is that of the usage on it.

-- name: export_invoice
SELECT m.id, s.code AS service, nullif(m.name, '/') AS number, m.state,
       m.payment_state, m.move_type, m.invoice_date, m.invoice_date_due AS due_date,
       m.x_fc_period_start AS period_start, m.x_fc_period_end AS period_end,
       coalesce((SELECT min(u.currency)
                   FROM account_move_line l
                   JOIN fusion_billing_usage u ON u.id = l.x_fc_usage_id
                  WHERE l.move_id = m.id), 'CAD') AS currency,
       a.untaxed, '0.00' AS tax, a.untaxed AS total,
       CASE WHEN m.payment_state IN ('paid', 'in_payment', 'reversed') THEN '0.00'
            ELSE a.untaxed END AS residual,
       coalesce(
           (SELECT array_agg(DISTINCT k.external_id)
              FROM account_move_line l
              JOIN fusion_billing_usage u ON u.id = l.x_fc_usage_id
              JOIN sale_order o ON o.id = u.subscription_id
              JOIN fusion_billing_account_link k
                ON k.service_id = o.x_fc_service_id
               AND (k.id = o.x_fc_account_link_id
                    OR o.x_fc_account_link_id IS NULL
                       AND k.partner_id = o.partner_id)
             WHERE l.move_id = m.id),
           (SELECT array_agg(k.external_id ORDER BY k.external_id)
              FROM fusion_billing_account_link k
             WHERE k.service_id = s.id AND k.partner_id = m.x_fc_client_id),
           '{}'
       ) AS customers,
       m.create_date AS created_at, m.posted_before, 'UTC' AS timezone,
       m.reversed_entry_id AS reversed_id, nullif(e.name, '/') AS reversed_number,
       m.access_token, '0' AS settled, m.write_date,
       m.write_date::text AS revision
  FROM account_move m
  JOIN fusion_billing_service s ON s.id = m.x_fc_service_id
  LEFT JOIN account_move e ON e.id = m.reversed_entry_id
 CROSS JOIN LATERAL (
     SELECT round(m.amount_untaxed::numeric, 2)::text AS untaxed
 ) AS a
 WHERE m.id > %(after_id)s
   AND (%(everything)s::boolean OR m.write_date >= %(since)s::timestamp
        OR m.id = ANY (%(ids)s::int4[]))
 ORDER BY m.id
 LIMIT %(limit)s;

-- name: export_invoice_lines
SELECT l.move_id, l.id, l.name AS description, l.quantity::numeric AS quantity,
       round((l.quantity * l.price_unit)::numeric, 2)::text AS amount,
       o.x_fc_external_id AS subscription, t.code AS metric, u.period_start,
       u.period_end, u.correction_of, u.quantity::text AS units, '0.00' AS tax,
       '0' AS tax_rate, NULL AS product_code, NULL AS product
  FROM account_move_line l
  LEFT JOIN fusion_billing_usage u ON u.id = l.x_fc_usage_id
  LEFT JOIN fusion_billing_metric t ON t.id = u.metric_id
  LEFT JOIN sale_order o ON o.id = u.subscription_id
 WHERE l.move_id = ANY (%(move_ids)s)
 ORDER BY l.move_id, l.id;
