-- The counters of a period that have properties, which its usage by parts is folded
-- from: a subscription's other periods may have many more.
CREATE INDEX counter_parts ON counter (subscription_id, metric_id, period_start)
    WHERE properties IS NOT NULL;
