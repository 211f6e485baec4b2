-- What export_usage and find_usage run: which rows, and then what is in them.

-- name: page_of_usage
-- The ids after a given one, of the caller's companies, and of one service if it is named.
-- The sum and the array keep the planner from the services' index, by which each page
-- would sort all the rest of the rows.
SELECT id
  FROM fusion_billing_usage
 WHERE id > %(after_id)s
   AND service_id + 0 = ANY (ARRAY(
           SELECT id
             FROM fusion_billing_service
            WHERE company_id = ANY (%(company_ids)s)
              AND (%(service)s::text IS NULL OR code = %(service)s)))
 ORDER BY id
 LIMIT %(limit)s;

-- name: usage_of_keys
-- The ids of the rows that have these keys, as upsert_rollups would find them.
SELECT u.id
  FROM unnest(%(service)s::text[], %(subscription)s::text[], %(metric)s::text[],
              %(period_start)s::timestamp[], %(correction_of)s::timestamp[])
    AS g (service, subscription, metric, period_start, correction_of)
  JOIN fusion_billing_service s
    ON s.code = g.service AND s.company_id = ANY (%(company_ids)s)
  JOIN sale_order o
    ON o.x_fc_service_id = s.id AND o.x_fc_external_id = g.subscription
  JOIN fusion_billing_metric m ON m.service_id = s.id AND m.code = g.metric
  JOIN fusion_billing_usage u
    ON (u.subscription_id, u.metric_id, u.period_start) = (o.id, m.id, g.period_start)
   AND COALESCE(u.correction_of, '-infinity'::timestamp) =
       COALESCE(g.correction_of, '-infinity'::timestamp);

-- name: read_usage
-- These rows by external codes, with what an invoice that is not cancelled bills for each:
-- a line's price as a person may have changed it, on a credit note with the other sign.
SELECT u.id, s.code AS service, o.x_fc_external_id AS subscription, m.code AS metric,
       %(columns)s, u.write_date,
       (l.quantity::numeric * l.price_unit::numeric
        * (100 - COALESCE(l.discount, 0)::numeric) / 100
        * CASE v.move_type WHEN 'out_refund' THEN -1 ELSE 1 END)::text AS billed,
       COALESCE(NULLIF(v.name, '/'), 'draft ' || v.id) AS invoice
  FROM fusion_billing_usage u
  JOIN fusion_billing_service s ON s.id = u.service_id
  JOIN sale_order o ON o.id = u.subscription_id
  JOIN fusion_billing_metric m ON m.id = u.metric_id
  LEFT JOIN account_move_line l
    ON l.x_fc_usage_id = u.id AND l.parent_state <> 'cancel'
  LEFT JOIN account_move v ON v.id = l.move_id
 WHERE u.id = ANY (%(ids)s)
 ORDER BY u.id;
