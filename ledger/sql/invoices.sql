-- name: upsert_invoice
-- No row: the service is not known. One that is as it was writes nothing. The public id
-- is Odoo's, where Odoo tells it. "only_new": one that is there stays as it is.
WITH named AS (
    SELECT id FROM service WHERE code = %(service)s
),
written AS (
    INSERT INTO invoice AS i (service_id, odoo_id, public_id, customers, number, state,
                              payment_state, move_type, invoice_date, due_date,
                              period_start, period_end, currency, untaxed, tax, total,
                              residual, lines, created_at, posted_before, timezone,
                              settled, reversed_id, reversed_number, access_token,
                              taxes, revision)
    SELECT id, %(odoo_id)s, coalesce(%(public_id)s::uuid, gen_random_uuid()),
           %(customers)s::text[], %(number)s, %(state)s,
           %(payment_state)s, %(move_type)s, %(invoice_date)s::date, %(due_date)s::date,
           %(period_start)s::timestamptz, %(period_end)s::timestamptz, %(currency)s,
           %(untaxed)s, %(tax)s, %(total)s, %(residual)s, %(lines)s::jsonb,
           %(created_at)s::timestamptz, %(posted_before)s, %(timezone)s, %(settled)s,
           %(reversed_id)s::uuid, %(reversed_number)s, %(access_token)s,
           %(taxes)s::jsonb, %(revision)s
      FROM named
    ON CONFLICT (odoo_id) DO UPDATE
       SET service_id = excluded.service_id, customers = excluded.customers,
           public_id = coalesce(%(public_id)s::uuid, i.public_id),
           number = excluded.number, state = excluded.state,
           payment_state = excluded.payment_state, move_type = excluded.move_type,
           invoice_date = excluded.invoice_date, due_date = excluded.due_date,
           period_start = excluded.period_start, period_end = excluded.period_end,
           currency = excluded.currency, untaxed = excluded.untaxed, tax = excluded.tax,
           total = excluded.total, residual = excluded.residual, lines = excluded.lines,
           created_at = excluded.created_at, posted_before = excluded.posted_before,
           timezone = excluded.timezone, settled = excluded.settled,
           reversed_id = excluded.reversed_id,
           reversed_number = excluded.reversed_number,
           access_token = excluded.access_token, taxes = excluded.taxes,
           revision = excluded.revision,
           updated_at = now()
     WHERE NOT %(only_new)s
       AND (i.service_id, i.public_id, i.customers, i.number, i.state, i.payment_state,
            i.move_type, i.invoice_date, i.due_date, i.period_start, i.period_end,
            i.currency, i.untaxed, i.tax, i.total, i.residual, i.lines, i.created_at,
            i.posted_before, i.timezone, i.settled, i.reversed_id, i.reversed_number,
            i.access_token, i.taxes, i.revision)
           IS DISTINCT FROM
           (excluded.service_id, coalesce(%(public_id)s::uuid, i.public_id),
            excluded.customers, excluded.number, excluded.state, excluded.payment_state,
            excluded.move_type, excluded.invoice_date, excluded.due_date,
            excluded.period_start, excluded.period_end, excluded.currency,
            excluded.untaxed, excluded.tax, excluded.total, excluded.residual,
            excluded.lines, excluded.created_at, excluded.posted_before,
            excluded.timezone, excluded.settled, excluded.reversed_id,
            excluded.reversed_number, excluded.access_token, excluded.taxes,
            excluded.revision)
)
SELECT id FROM named
