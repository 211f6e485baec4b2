-- Invoices and credit notes as they are shown. Those that Odoo has deleted are not, nor
-- drafts that were cancelled, which nobody ever owed.

-- name: find_invoice
SELECT public_id, odoo_id, updated_at, customers, number, state, payment_state,
       move_type, invoice_date, due_date, period_start, period_end, currency, untaxed,
       tax, total, residual, lines, created_at, posted_before, timezone,
       settled, reversed_id, reversed_number, access_token, taxes, revision
  FROM invoice
 WHERE service_id = %(service_id)s AND public_id = %(public_id)s
   AND move_type = %(move_type)s
   AND (state <> 'cancel' OR posted_before)
   AND deleted_in_odoo_at IS NULL

-- name: list_timezones
SELECT DISTINCT timezone FROM invoice WHERE service_id = %(service_id)s

-- name: list_invoices
-- A page, newest first, drafts before those that have a date; and with each, or alone,
-- how many there are. "today": the day by time zone. "places": the decimal places by
-- currency where they are not two. "pattern": of LIKE.
WITH chosen AS (
    SELECT id, invoice_date, odoo_id
      FROM invoice
     WHERE service_id = %(service_id)s
       AND move_type = %(move_type)s
       AND (state <> 'cancel' OR posted_before)
       AND deleted_in_odoo_at IS NULL
       AND (%(customer)s::text IS NULL OR customers @> ARRAY[%(customer)s::text])
       AND (%(states)s::text[] IS NULL OR state = ANY (%(states)s))
       AND (%(paid)s::boolean IS NULL
            OR coalesce(payment_state IN ('paid', 'in_payment', 'reversed'), false)
               = %(paid)s)
       AND (%(overdue)s::boolean IS NULL
            OR coalesce(state = 'posted'
                        AND payment_state NOT IN ('paid', 'in_payment', 'reversed')
                        AND due_date < (%(today)s::jsonb ->> timezone)::date, false)
               = %(overdue)s)
       AND (%(partly_paid)s::boolean IS NULL
            OR (state = 'posted' AND residual > 0 AND residual + settled < total)
               = %(partly_paid)s)
       AND (%(date_from)s::date IS NULL OR invoice_date >= %(date_from)s::date)
       AND (%(date_to)s::date IS NULL OR invoice_date <= %(date_to)s::date)
       AND (%(currency)s::text IS NULL OR currency = %(currency)s)
       AND (%(number)s::text IS NULL OR number = %(number)s)
       AND (%(of_number)s::text IS NULL OR reversed_number = %(of_number)s)
       AND (%(refunded)s::boolean IS NULL
            OR (total - residual - settled <> 0) = %(refunded)s)
       AND (%(credit_statuses)s::text[] IS NULL
            OR CASE WHEN state = 'cancel' THEN 'voided'
                    WHEN residual = 0 THEN 'consumed'
                    ELSE 'available' END = ANY (%(credit_statuses)s))
       AND (%(cents_from)s::numeric IS NULL
            OR total * 10 ^ coalesce((%(places)s::jsonb ->> currency)::numeric, 2)
               >= %(cents_from)s)
       AND (%(cents_to)s::numeric IS NULL
            OR total * 10 ^ coalesce((%(places)s::jsonb ->> currency)::numeric, 2)
               <= %(cents_to)s)
       AND (%(pattern)s::text IS NULL
            OR number ILIKE %(pattern)s
            OR public_id::text ILIKE %(pattern)s
            OR EXISTS (SELECT FROM unnest(customers) AS c (external_id)
                        WHERE c.external_id ILIKE %(pattern)s)
            OR EXISTS (SELECT
                         FROM customer c
                        WHERE c.service_id = invoice.service_id
                          AND c.external_id = ANY (invoice.customers)
                          AND (c.name ILIKE %(pattern)s OR c.email ILIKE %(pattern)s)))
)
SELECT n.total_count, i.public_id, i.odoo_id, i.updated_at, i.customers, i.number,
       i.state, i.payment_state, i.move_type, i.invoice_date, i.due_date,
       i.period_start, i.period_end, i.currency, i.untaxed, i.tax, i.total,
       i.residual, i.lines, i.created_at, i.posted_before, i.timezone, i.settled,
       i.reversed_id, i.reversed_number, i.access_token, i.taxes, i.revision
  FROM (SELECT count(*) AS total_count FROM chosen) AS n
  LEFT JOIN LATERAL (
      SELECT id
        FROM chosen
       ORDER BY invoice_date DESC NULLS FIRST, odoo_id DESC
       LIMIT %(limit)s OFFSET %(offset)s
  ) AS p ON true
  LEFT JOIN invoice i ON i.id = p.id
 ORDER BY i.invoice_date DESC NULLS FIRST, i.odoo_id DESC
