-- name: upsert_rollups
-- Absolute values, keyed by (subscription, metric, period_start, correction_of), where no
-- correction_of is a value too; the greater revision wins, against the table and within
-- the call. Known keys are updated and only unknown ones inserted, so that no id is spent
-- on a row that is there. Services of other companies are unknown. Answers a status per
-- given row, for an error what is unknown, for a stale one the revision that is held, and
-- the id of what was written. May run twice: then all is "unchanged".
WITH given AS (
    SELECT *
      FROM unnest(%(index)s::int4[], %(service)s::text[], %(subscription)s::text[],
                  %(metric)s::text[], %(period_start)s::timestamp[],
                  %(period_end)s::timestamp[], %(correction_of)s::timestamp[],
                  %(quantity)s::numeric[], %(included)s::numeric[],
                  %(overage)s::numeric[], %(amount)s::numeric[], %(currency)s::text[],
                  %(working)s::text[], %(revision)s::int4[], %(state)s::text[])
        AS g (index, service, subscription, metric, period_start, period_end,
              correction_of, quantity, included, overage, amount, currency, working,
              revision, state)
), resolved AS (
    SELECT g.*, s.id AS service_id, o.id AS subscription_id, m.id AS metric_id,
           row_number() OVER newest_first AS place,
           first_value(g.index) OVER newest_first AS best_index,
           first_value(g.revision) OVER newest_first AS newest
      FROM given g
      LEFT JOIN fusion_billing_service s
        ON s.code = g.service AND s.company_id = ANY (%(company_ids)s)
      LEFT JOIN sale_order o
        ON o.x_fc_service_id = s.id AND o.x_fc_external_id = g.subscription
      LEFT JOIN fusion_billing_metric m ON m.service_id = s.id AND m.code = g.metric
    WINDOW newest_first AS (
               PARTITION BY o.id, m.id, g.period_start, g.correction_of
               ORDER BY g.revision DESC, g.index DESC
           )
), best AS (
    SELECT *
      FROM resolved
     WHERE place = 1 AND subscription_id IS NOT NULL AND metric_id IS NOT NULL
), known AS (
    SELECT b.*, u.id, u.revision AS held,
           (u.period_end, u.quantity, u.included, u.overage, u.amount, u.currency,
            u.working, u.state)
           IS NOT DISTINCT FROM
           (b.period_end, b.quantity, b.included, b.overage, b.amount,
            b.currency::varchar, b.working, b.state::varchar) AS same
      FROM best b
      JOIN fusion_billing_usage u
        ON (u.subscription_id, u.metric_id, u.period_start) =
           (b.subscription_id, b.metric_id, b.period_start)
       AND COALESCE(u.correction_of, '-infinity'::timestamp) =
           COALESCE(b.correction_of, '-infinity'::timestamp)
), updated AS (
    UPDATE fusion_billing_usage u
       SET period_end = k.period_end, quantity = k.quantity, included = k.included,
           overage = k.overage, amount = k.amount, currency = k.currency,
           working = k.working, revision = k.revision, state = k.state,
           write_uid = %(uid)s, write_date = now() AT TIME ZONE 'UTC'
      FROM known k
     WHERE u.id = k.id
       AND (k.revision > k.held OR (k.revision = k.held AND NOT k.same))
    RETURNING k.index, u.id
), inserted AS (
    INSERT INTO fusion_billing_usage
           (subscription_id, metric_id, service_id, period_start, period_end,
            correction_of, quantity, included, overage, amount, currency, working,
            revision, state, create_uid, create_date, write_uid, write_date)
    SELECT subscription_id, metric_id, service_id, period_start, period_end,
           correction_of, quantity, included, overage, amount, currency, working,
           revision, state,
           %(uid)s, now() AT TIME ZONE 'UTC', %(uid)s, now() AT TIME ZONE 'UTC'
      FROM best
     WHERE index NOT IN (SELECT index FROM known)
     ORDER BY subscription_id, metric_id, period_start, correction_of
    ON CONFLICT (subscription_id, metric_id, period_start,
                 COALESCE(correction_of, '-infinity'::timestamp)) DO NOTHING
    RETURNING id, subscription_id, metric_id, period_start,
              COALESCE(correction_of, '-infinity'::timestamp) AS corrected
)
SELECT r.index,
       CASE WHEN r.service_id IS NULL OR r.subscription_id IS NULL
                 OR r.metric_id IS NULL THEN 'error'
            WHEN r.place > 1 THEN 'stale'
            WHEN k.index IS NULL THEN 'created'
            WHEN d.index IS NOT NULL THEN 'updated'
            WHEN r.revision < k.held THEN 'stale'
            ELSE 'unchanged'
       END AS status,
       CASE WHEN r.service_id IS NULL THEN 'unknown service ' || r.service
            WHEN r.subscription_id IS NULL
            THEN 'unknown subscription ' || r.subscription
            WHEN r.metric_id IS NULL THEN 'unknown metric ' || r.metric
       END AS reason,
       greatest(b.held, r.newest) AS held,
       COALESCE(d.id, i.id) AS written
  FROM resolved r
  LEFT JOIN known k USING (index)
  LEFT JOIN updated d USING (index)
  LEFT JOIN known b ON b.index = r.best_index
  LEFT JOIN inserted i
    ON r.place = 1
   AND (i.subscription_id, i.metric_id, i.period_start, i.corrected) =
       (r.subscription_id, r.metric_id, r.period_start,
        COALESCE(r.correction_of, '-infinity'::timestamp))
 ORDER BY r.index;
