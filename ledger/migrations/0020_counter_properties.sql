-- Counters as apps that speak Lago's events send them.

-- Whether the app gave the timestamp: one that it did not give is that of the arrival,
-- and a repeat without one contradicts nothing.
ALTER TABLE parked_counter ADD COLUMN timestamp_given boolean NOT NULL DEFAULT true;

-- As it was, with what was said besides the value.
CREATE OR REPLACE VIEW counter_life AS
SELECT subscription_id, metric_id, transaction_id, occurred_at, period_start, batch_id,
       item_index, value, members, coalesce(late_in, period_start) AS entered,
       NULL::timestamptz AS left_in, properties
  FROM counter
UNION ALL
SELECT subscription_id, metric_id, transaction_id, occurred_at, period_start, batch_id,
       item_index, value, members, coalesce(late_in, period_start), voided_in,
       properties
  FROM counter_void;
