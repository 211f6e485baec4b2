-- Links that open an invoice's page in the portal, as portal.mixin makes them.

-- name: open_pages
-- Of what is still to pay and bills a service. The bridge sees it by the date.
UPDATE account_move m
   SET access_token = gen_random_uuid()::varchar,
       write_date = now() AT TIME ZONE 'UTC'
 WHERE m.access_token IS NULL
   AND m.move_type = 'out_invoice'
   AND m.state = 'posted'
   AND m.payment_state IN ('not_paid', 'partial')
   AND (m.x_fc_service_id IS NOT NULL
        OR EXISTS (SELECT
                     FROM account_move_line l
                     JOIN sale_order_line_invoice_rel i ON i.invoice_line_id = l.id
                     JOIN sale_order_line n ON n.id = i.order_line_id
                     JOIN sale_order s ON s.id = n.order_id
                    WHERE l.move_id = m.id AND s.x_fc_service_id IS NOT NULL));
