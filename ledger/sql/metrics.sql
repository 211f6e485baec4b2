-- Writing a metric. One that is as it was writes nothing at all.

-- name: metric_terms
-- How one metric's usage is added up and rounded, as it is now.
SELECT m.id, m.aggregation, m.rounding, m.rounding_precision
  FROM metric m JOIN service s ON s.id = m.service_id
 WHERE s.code = %(service)s AND m.code = %(code)s

-- name: write_metric
-- No row: it is as it was.
INSERT INTO metric AS m (service_id, code, name, aggregation, unit, rounding,
                         rounding_precision, field_name, description, filters, archived,
                         odoo_id)
SELECT s.id, %(code)s, %(name)s, %(aggregation)s, %(unit)s, %(rounding)s,
       %(rounding_precision)s, %(field_name)s, %(description)s, %(filters)s::jsonb,
       %(archived)s, %(odoo_id)s
  FROM service s WHERE s.code = %(service)s
ON CONFLICT (service_id, code) DO UPDATE
   SET name = excluded.name, unit = excluded.unit, aggregation = excluded.aggregation,
       rounding = excluded.rounding, rounding_precision = excluded.rounding_precision,
       field_name = excluded.field_name, description = excluded.description,
       filters = excluded.filters, archived = excluded.archived,
       odoo_id = coalesce(excluded.odoo_id, m.odoo_id), updated_at = now()
 WHERE (m.name, m.unit, m.aggregation, m.rounding, m.rounding_precision, m.field_name,
        m.description, m.filters, m.archived, m.odoo_id) IS DISTINCT FROM
       (excluded.name, excluded.unit, excluded.aggregation, excluded.rounding,
        excluded.rounding_precision, excluded.field_name, excluded.description,
        excluded.filters, excluded.archived, coalesce(excluded.odoo_id, m.odoo_id))
RETURNING id

-- name: derive_dimensions
-- Keys of the metric's filters and of all groups; locked in one order.
WITH named AS MATERIALIZED (
    SELECT id FROM metric WHERE id = ANY(%(metric_ids)s) ORDER BY id FOR NO KEY UPDATE
),
known AS (
    SELECT n.id,
           ARRAY(SELECT f ->> 'key' FROM metric m, jsonb_array_elements(m.filters) f
                  WHERE m.id = n.id
                 UNION
                 SELECT unnest(c.group_keys) FROM charge c WHERE c.metric_id = n.id
                 UNION
                 SELECT jsonb_array_elements_text(f -> 'group_keys')
                   FROM charge c, jsonb_array_elements(c.filters) f
                  WHERE c.metric_id = n.id
                  ORDER BY 1) AS dimensions
      FROM named n
)
UPDATE metric m
   SET dimensions = k.dimensions
  FROM known k
 WHERE m.id = k.id AND m.dimensions IS DISTINCT FROM k.dimensions
