-- name: upsert_invoice
-- No row: the service is not known. One that is as it was writes nothing.
WITH named AS (
    SELECT id FROM service WHERE code = %(service)s
),
written AS (
    INSERT INTO invoice AS i (service_id, odoo_id, customers, number, state,
                              payment_state, move_type, invoice_date, due_date,
                              period_start, period_end, currency, untaxed, tax, total,
                              residual, lines)
    SELECT id, %(odoo_id)s, %(customers)s::text[], %(number)s, %(state)s,
           %(payment_state)s, %(move_type)s, %(invoice_date)s::date, %(due_date)s::date,
           %(period_start)s::timestamptz, %(period_end)s::timestamptz, %(currency)s,
           %(untaxed)s, %(tax)s, %(total)s, %(residual)s, %(lines)s::jsonb
      FROM named
    ON CONFLICT (odoo_id) DO UPDATE
       SET service_id = excluded.service_id, customers = excluded.customers,
           number = excluded.number, state = excluded.state,
           payment_state = excluded.payment_state, move_type = excluded.move_type,
           invoice_date = excluded.invoice_date, due_date = excluded.due_date,
           period_start = excluded.period_start, period_end = excluded.period_end,
           currency = excluded.currency, untaxed = excluded.untaxed, tax = excluded.tax,
           total = excluded.total, residual = excluded.residual, lines = excluded.lines,
           updated_at = now()
     WHERE (i.service_id, i.customers, i.number, i.state, i.payment_state, i.move_type,
            i.invoice_date, i.due_date, i.period_start, i.period_end, i.currency,
            i.untaxed, i.tax, i.total, i.residual, i.lines)
           IS DISTINCT FROM
           (excluded.service_id, excluded.customers, excluded.number, excluded.state,
            excluded.payment_state, excluded.move_type, excluded.invoice_date,
            excluded.due_date, excluded.period_start, excluded.period_end,
            excluded.currency, excluded.untaxed, excluded.tax, excluded.total,
            excluded.residual, excluded.lines)
)
SELECT id FROM named

-- name: find_invoice
SELECT public_id, odoo_id, updated_at, customers, number, state, payment_state,
       move_type, invoice_date, due_date, period_start, period_end, currency, untaxed,
       tax, total, residual, lines
  FROM invoice
 WHERE service_id = %(service_id)s AND public_id = %(public_id)s
   AND deleted_in_odoo_at IS NULL

-- name: list_invoices
-- Newest first.
SELECT public_id, odoo_id, updated_at, customers, number, state, payment_state,
       move_type, invoice_date, due_date, period_start, period_end, currency, untaxed,
       tax, total, residual, lines
  FROM invoice
 WHERE service_id = %(service_id)s
   AND (%(customer)s::text IS NULL OR customers @> ARRAY[%(customer)s::text])
   AND (%(states)s::text[] IS NULL OR state = ANY (%(states)s))
   AND deleted_in_odoo_at IS NULL
 ORDER BY odoo_id DESC
 LIMIT %(limit)s OFFSET %(offset)s

-- name: count_invoices
SELECT count(*)
  FROM invoice
 WHERE service_id = %(service_id)s
   AND (%(customer)s::text IS NULL OR customers @> ARRAY[%(customer)s::text])
   AND (%(states)s::text[] IS NULL OR state = ANY (%(states)s))
   AND deleted_in_odoo_at IS NULL
