-- Whether a counter takes its members back, as events of Lago's may.
CREATE FUNCTION removes_members(properties jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(properties ->> 'operation_type' = 'remove', false)
$$;

-- Which periods have such counters: few metrics have any.
CREATE INDEX counter_removal ON counter (subscription_id, metric_id, period_start)
    WHERE properties ->> 'operation_type' = 'remove';
