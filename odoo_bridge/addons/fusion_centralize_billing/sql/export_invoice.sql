-- What export_catalog runs for invoices.

-- name: export_invoice
-- A page of the caller's companies' invoices and credit notes: those that close_period
-- made, those with a line of usage or of an order that is a service's, and credit notes
-- of such. The service is its own, else that of its lines when they agree. Customers
-- are those whose subscriptions are on it; where there are none, its client's.
WITH page AS (
    SELECT m.id, e.id AS reversed_id, m.write_date,
           coalesce(m.x_fc_service_id, e.x_fc_service_id) AS service_id,
           coalesce(m.x_fc_client_id, e.x_fc_client_id) AS client_id
      FROM account_move m
      LEFT JOIN account_move e ON e.id = m.reversed_entry_id
     WHERE m.id > %(after_id)s
       AND m.company_id = ANY (%(company_ids)s)
       AND m.move_type IN ('out_invoice', 'out_refund')
       AND (%(everything)s OR m.write_date >= %(since)s
            OR m.id = ANY (%(ids)s::int4[]))
       AND (m.x_fc_service_id IS NOT NULL
            OR e.x_fc_service_id IS NOT NULL
            OR EXISTS (
                SELECT
                  FROM account_move_line l
                  LEFT JOIN sale_order_line_invoice_rel r ON r.invoice_line_id = l.id
                  LEFT JOIN sale_order_line ol ON ol.id = r.order_line_id
                  LEFT JOIN sale_order o ON o.id = ol.order_id
                 WHERE l.move_id IN (m.id, e.id)
                   AND (l.x_fc_usage_id IS NOT NULL OR o.x_fc_service_id IS NOT NULL)
            ))
     ORDER BY m.id
     LIMIT %(limit)s
),
billed AS (
    SELECT p.id, o.id AS order_id, o.x_fc_service_id AS service_id, o.partner_id,
           o.x_fc_account_link_id AS link_id
      FROM page p
      JOIN account_move_line l ON l.move_id IN (p.id, p.reversed_id)
      LEFT JOIN fusion_billing_usage u ON u.id = l.x_fc_usage_id
      LEFT JOIN sale_order_line_invoice_rel r ON r.invoice_line_id = l.id
      LEFT JOIN sale_order_line ol ON ol.id = r.order_line_id
      JOIN sale_order o ON o.id = coalesce(u.subscription_id, ol.order_id)
     WHERE o.x_fc_service_id IS NOT NULL
),
owned AS (
    SELECT p.id, p.client_id, coalesce(p.service_id, b.service_id) AS service_id,
           p.write_date
      FROM page p
      LEFT JOIN LATERAL (
          SELECT min(service_id) AS service_id
            FROM billed
           WHERE id = p.id
          HAVING count(DISTINCT service_id) = 1
      ) AS b ON true
)
SELECT m.id, s.code AS service, nullif(m.name, '/') AS number, m.state,
       m.payment_state, m.move_type, m.invoice_date, m.invoice_date_due AS due_date,
       m.x_fc_period_start AS period_start, m.x_fc_period_end AS period_end,
       y.name AS currency, m.amount_untaxed::text AS untaxed,
       m.amount_tax::text AS tax, m.amount_total::text AS total,
       m.amount_residual::text AS residual,
       coalesce(
           (SELECT array_agg(DISTINCT k.external_id)
              FROM billed b
              JOIN fusion_billing_account_link k
                ON k.service_id = b.service_id
               AND (k.id = b.link_id
                    OR b.link_id IS NULL AND k.partner_id = b.partner_id)
             WHERE b.id = w.id AND b.service_id = w.service_id),
           (SELECT array_agg(k.external_id ORDER BY k.external_id)
              FROM fusion_billing_account_link k
             WHERE k.service_id = w.service_id AND k.partner_id = w.client_id),
           '{}'
       ) AS customers,
       m.create_date AS created_at, coalesce(m.posted_before, false) AS posted_before,
       coalesce(p.tz, 'UTC') AS timezone, m.reversed_entry_id AS reversed_id,
       nullif(e.name, '/') AS reversed_number, m.access_token,
       (SELECT coalesce(sum(CASE m.move_type WHEN 'out_invoice'
                                             THEN a.debit_amount_currency
                                             ELSE a.credit_amount_currency END), 0)
          FROM account_partial_reconcile a
          JOIN account_move_line d ON d.id = a.debit_move_id
          JOIN account_move_line c ON c.id = a.credit_move_id
          JOIN account_move v ON v.id = d.move_id
          JOIN account_move n ON n.id = c.move_id
         WHERE m.id IN (v.id, n.id)
           AND v.move_type = 'out_invoice' AND n.move_type = 'out_refund'
       )::text AS settled,
       w.write_date, w.write_date::text AS revision
  FROM owned w
  JOIN account_move m ON m.id = w.id
  JOIN res_currency y ON y.id = m.currency_id
  JOIN res_company o ON o.id = m.company_id
  JOIN res_partner p ON p.id = o.partner_id
  LEFT JOIN account_move e ON e.id = m.reversed_entry_id
  LEFT JOIN fusion_billing_service s ON s.id = w.service_id
 ORDER BY m.id;

-- name: export_invoice_lines
-- What is sold on some invoices. Its subscription and metric, where it has them, and
-- the quantity of the usage. "tax_rate": of all its taxes that are a percentage, a
-- group's being those of its parts.
SELECT l.move_id, l.id, coalesce(u.service_id, o.x_fc_service_id) AS service_id,
       l.name AS description, l.quantity::text AS quantity,
       l.price_subtotal::text AS amount, o.x_fc_external_id AS subscription,
       t.code AS metric, u.period_start, u.period_end, u.correction_of,
       u.quantity::text AS units, (l.price_total - l.price_subtotal)::text AS tax,
       (SELECT coalesce(sum(x.amount), 0)::text
          FROM account_move_line_account_tax_rel r
          LEFT JOIN account_tax_filiation_rel f ON f.parent_tax = r.account_tax_id
          JOIN account_tax x ON x.id = coalesce(f.child_tax, r.account_tax_id)
         WHERE r.account_move_line_id = l.id AND x.amount_type = 'percent'
       ) AS tax_rate,
       g.default_code AS product_code,
       coalesce(h.name ->> 'en_US', h.name ->> 'en_CA') AS product
  FROM account_move_line l
  LEFT JOIN product_product g ON g.id = l.product_id
  LEFT JOIN product_template h ON h.id = g.product_tmpl_id
  LEFT JOIN fusion_billing_usage u ON u.id = l.x_fc_usage_id
  LEFT JOIN fusion_billing_metric t ON t.id = u.metric_id
  LEFT JOIN LATERAL (
      SELECT min(ol.order_id) AS order_id
        FROM sale_order_line_invoice_rel r
        JOIN sale_order_line ol ON ol.id = r.order_line_id
       WHERE r.invoice_line_id = l.id
  ) AS n ON true
  LEFT JOIN sale_order o ON o.id = coalesce(u.subscription_id, n.order_id)
 WHERE l.move_id = ANY (%(move_ids)s)
   AND l.display_type = 'product'
 ORDER BY l.move_id, l.sequence, l.id;

-- name: export_invoice_taxes
-- What each tax comes to on some invoices, in their currency and of their sign.
SELECT l.move_id, x.id, coalesce(x.name ->> 'en_US', x.name ->> 'en_CA') AS name,
       CASE x.amount_type WHEN 'percent' THEN x.amount::text END AS rate,
       sum(CASE m.move_type WHEN 'out_invoice' THEN -l.amount_currency
                            ELSE l.amount_currency END)::text AS amount
  FROM account_move_line l
  JOIN account_move m ON m.id = l.move_id
  JOIN account_tax x ON x.id = l.tax_line_id
 WHERE l.move_id = ANY (%(move_ids)s)
 GROUP BY l.move_id, x.id
 ORDER BY l.move_id, x.id;
